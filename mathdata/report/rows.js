"use strict";
(function () {
  var root = document.documentElement, rows = [].slice.call(document.querySelectorAll("article.case"));
  var search = document.getElementById("row-search"), count = document.getElementById("row-count");
  var selects = [].slice.call(document.querySelectorAll("select[data-by]"));
  function speak(lang) {
    root.lang = lang;
    document.querySelectorAll("[data-lang]").forEach(function (b) { b.setAttribute("aria-pressed", String(b.dataset.lang === lang)); });
  }
  document.querySelectorAll("[data-lang]").forEach(function (b) { b.addEventListener("click", function () { speak(b.dataset.lang); }); });
  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  var texts = rows.map(function (r) { return r.textContent.toLowerCase(); });
  function apply() {
    var q = search.value.trim().toLowerCase(), n = 0;
    rows.forEach(function (r, i) {
      var ok = (!q || texts[i].indexOf(q) >= 0) && selects.every(function (s) {
        return !s.value || r.getAttribute("data-" + s.dataset.by) === s.value.slice(1);
      });
      r.hidden = !ok;
      n += ok;
    });
    count.textContent = n + " / " + rows.length;
  }
  search.addEventListener("input", apply);
  selects.forEach(function (s) { s.addEventListener("change", apply); });
  // What stands between $..$, $$..$$, \(..\), \[..\] becomes MathML; the rest stays text. A price is no formula.
  var MATH = /\$\$([^$]{1,2000}?)\$\$|(?<![\\\w])\$(?![\s$])([^$\n]{0,600}?[^\s$\\])\$(?!\d)|\\\(([\s\S]{1,600}?)\\\)|\\\[([\s\S]{1,2000}?)\\\]/g;
  function typeset(node) {
    if (node.dataset.done || typeof temml === "undefined") return;
    node.dataset.done = "yes";
    var source = node.textContent, all = document.createDocumentFragment(), last = 0, m;
    MATH.lastIndex = 0;
    while ((m = MATH.exec(source)) !== null) {
      var span = setFormula(m[1] || m[2] || m[3] || m[4], Boolean(m[1] || m[4]));
      if (!span) continue;
      all.appendChild(document.createTextNode(source.slice(last, m.index)));
      all.appendChild(span);
      last = m.index + m[0].length;
    }
    all.appendChild(document.createTextNode(source.slice(last)));
    node.textContent = "";
    node.appendChild(all);
  }
  // Formulas are set when they come near the screen: a page of many rows opens at once.
  var near = new IntersectionObserver(function (seen) {
    seen.forEach(function (s) { if (s.isIntersecting) { typeset(s.target); near.unobserve(s.target); } });
  }, { rootMargin: "600px" });
  document.querySelectorAll(".text").forEach(function (n) { near.observe(n); });
  apply();
  root.dataset.ready = "yes";
})();
