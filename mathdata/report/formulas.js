// A formula of a row as MathML in a span, or null where it stays text: not readable, or a length that would move the page.
var setFormula = (function () {
  "use strict";
  var LONGEST = { em: 25, ex: 50, rem: 25, ch: 50, px: 400, pt: 300, pc: 25, mm: 110, cm: 11, in: 4.5, "%": 400, vw: 50, vh: 50, mu: 450 };
  var LENGTH = /([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(em|ex|rem|ch|px|pt|pc|mm|cm|in|%|vw|vh|mu)\b/gi;
  // Negative lengths and kerns are lengths too: a box raised by -9999999em makes a page of millions of pixels.
  function reaches(text) {
    var m;
    LENGTH.lastIndex = 0;
    while ((m = LENGTH.exec(text)) !== null)
      if (!(Math.abs(Number(m[1])) <= LONGEST[m[2].toLowerCase()])) return true;
    return false;
  }
  function tooFar(span) {
    return Array.prototype.some.call(span.querySelectorAll("*"), function (node) {
      return Array.prototype.some.call(node.attributes, function (a) { return reaches(a.value); });
    });
  }
  return function (tex, display) {
    if (typeof temml === "undefined") return null;
    var span = document.createElement("span");
    try {
      temml.render(tex, span, { displayMode: display, trust: false, throwOnError: true, maxExpand: 200, maxSize: [20, 20] });
    } catch (error) {
      return null;
    }
    return tooFar(span) ? null : span;
  };
})();
