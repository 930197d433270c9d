"use strict";
(function () {
  var root = document.documentElement;
  function text(tag, value, css) {
    var node = document.createElement(tag);
    if (css) node.className = css;
    if (value !== undefined && value !== null) node.textContent = value;
    return node;
  }
  function add(node) {
    for (var i = 1; i < arguments.length; i++) if (arguments[i]) node.appendChild(arguments[i]);
    return node;
  }
  function both(tag, words, css) {
    return add(text(tag, null, css), text("span", words[0], "en"), text("span", words[1], "zh"));
  }

  // language and theme
  function speak(lang) {
    root.lang = lang;
    document.querySelectorAll("[data-lang]").forEach(function (b) {
      b.setAttribute("aria-pressed", String(b.dataset.lang === lang));
    });
    document.querySelectorAll("[data-zh]").forEach(function (n) {
      n.placeholder = lang === "zh" ? n.dataset.zh : n.dataset.en;
    });
    document.querySelectorAll("option[data-o]").forEach(function (o) {
      o.textContent = o.dataset.o.split("|")[lang === "zh" ? 1 : 0];
    });
  }
  document.querySelectorAll("[data-lang]").forEach(function (b) {
    b.addEventListener("click", function () { speak(b.dataset.lang); });
  });
  var theme = document.getElementById("theme");
  if (theme) theme.addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // cases
  var box = document.getElementById("cases-data");
  if (!box) { speak(root.lang || "en"); return; }
  var PAGE = 20, shown = PAGE, found = [], data = null;
  var WORD = {
    fixed: ["fixed", "修正"], broken: ["broken", "变错"], both_right: ["both right", "都对"], both_wrong: ["both wrong", "都错"],
    correct: ["right", "对"], wrong: ["wrong", "错"], unparsed: ["no answer found", "未找到答案"], timeout: ["judge timed out", "判定超时"],
    error: ["judge error", "判定出错"], "no answer": ["no answer", "没有答案"], "cut off": ["cut off", "被截断"],
    formatting: ["formatting", "格式问题"], slip: ["arithmetic slip", "计算失误"], "wrong set-up": ["wrong set-up", "列式错误"]
  };
  function word(key) {
    if (WORD[key]) return WORD[key];
    var m = /^slip at step (\d+)$/.exec(key || "");
    return m ? ["slip at step " + m[1], "第 " + m[1] + " 步计算失误"] : [String(key), String(key)];
  }
  function group(why) { return !why ? "" : why.indexOf("slip") === 0 ? "slip" : why; }
  function unpack(element) {
    var raw = atob(element.textContent.trim()), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }
  var $ = function (id) { return document.getElementById(id); };
  function fill(select, values) {
    values.forEach(function (v) {
      var w = Array.isArray(v) ? v[1] : [v, v], o = text("option", w[0]);
      o.value = Array.isArray(v) ? v[0] : v;
      o.dataset.o = w.join("|");
      select.appendChild(o);
    });
  }
  function distinct(at) {
    var seen = {};
    data.cases.forEach(function (c) { if (c[at]) seen[c[at]] = 1; });
    return Object.keys(seen).sort();
  }
  function flip(a, b) {
    var x = a && a[1] === "correct", y = b && b[1] === "correct";
    return x ? (y ? "both_right" : "broken") : (y ? "fixed" : "both_wrong");
  }
  function start(loaded) {
    data = loaded;
    var arms = data.arms.map(function (name, i) { return [String(i), [name, name]]; });
    fill($("case-a"), arms); fill($("case-b"), arms);
    $("case-a").value = String(data.pair[0]); $("case-b").value = String(data.pair[1]);
    fill($("case-flip"), ["fixed", "broken", "both_right", "both_wrong"].map(function (k) { return [k, WORD[k]]; }));
    fill($("case-why"), ["no answer", "cut off", "formatting", "slip", "wrong set-up"].map(function (k) { return [k, WORD[k]]; }));
    fill($("case-verdict"), ["correct", "wrong", "unparsed", "timeout", "error"].map(function (k) { return [k, WORD[k]]; }));
    [["case-benchmark", 1], ["case-subject", 4], ["case-level", 5], ["case-method", 7]].forEach(function (p) {
      var values = distinct(p[1]);
      if (values.length > 1) fill($(p[0]), values); else $(p[0]).hidden = true;
    });
    document.querySelectorAll("#filters select, #filters input").forEach(function (n) {
      n.addEventListener(n.tagName === "INPUT" ? "input" : "change", function () { shown = PAGE; apply(); });
    });
    $("case-more").addEventListener("click", function () { shown += PAGE; draw(); });
    speak(root.lang || "en");
    apply();
    root.dataset.ready = "yes";
  }
  function apply() {
    var a = +$("case-a").value, b = +$("case-b").value, f = $("case-flip").value, why = $("case-why").value;
    var verdict = $("case-verdict").value, subject = $("case-subject").value, level = $("case-level").value, benchmark = $("case-benchmark").value;
    var method = $("case-method").value, moved = { fixed: 0, broken: 0, both_wrong: 0, both_right: 0 };
    var q = $("case-search").value.trim().toLowerCase();
    var order = { broken: 0, fixed: 1, both_wrong: 2, both_right: 3 };
    found = data.cases.filter(function (c) {
      var x = c[6][a], y = c[6][b];
      if (!x || !y) return false;
      if (why && group(y[3]) !== why && group(x[3]) !== why) return false;
      if (verdict && y[1] !== verdict) return false;
      if (subject && c[4] !== subject) return false;
      if (level && c[5] !== level) return false;
      if (benchmark && c[1] !== benchmark) return false;
      if (method && c[7] !== method) return false;
      if (q && (c[2] + "\n" + x[0] + "\n" + y[0] + "\n" + c[0]).toLowerCase().indexOf(q) < 0) return false;
      moved[flip(x, y)] += 1;
      return !f || flip(x, y) === f;
    });
    chips(moved, f);
    found.sort(function (c, d) { return order[flip(c[6][a], c[6][b])] - order[flip(d[6][a], d[6][b])]; });
    draw();
  }
  function chips(moved, chosen) {
    var box = $("case-flips");
    box.textContent = "";
    Object.keys(moved).forEach(function (k) {
      var b = text("button", null, "chip " + k);
      b.type = "button";
      b.setAttribute("aria-pressed", String(k === chosen));
      add(b, text("b", String(moved[k])), both("span", WORD[k]));
      b.addEventListener("click", function () { $("case-flip").value = k === chosen ? "" : k; shown = PAGE; apply(); });
      box.appendChild(b);
    });
  }
  function draw() {
    var list = $("case-list"), a = +$("case-a").value, b = +$("case-b").value;
    list.textContent = "";
    found.slice(0, shown).forEach(function (c) { list.appendChild(card(c, a, b)); });
    $("case-count").textContent = "";
    var n = found.length, m = Math.min(shown, n);
    var said = n ? [m + " of " + n + " cases", "共 " + n + " 例，显示 " + m + " 例"] : ["No case fits: change a filter or the search.", "没有符合条件的例子：请更改筛选或搜索。"];
    $("case-count").appendChild(both("span", said));
    $("case-more").hidden = n <= shown;
  }
  function card(c, a, b) {
    var node = text("article", null, "case"), q = text("div", null, "q"), facts = text("div", null, "facts");
    var kind = flip(c[6][a], c[6][b]);
    q.appendChild(prose(c[2], "text"));
    add(facts, both("span", WORD[kind], "flip"));
    add(facts, add(both("span", ["gold ", "标准答案 "]), add(text("b"), value(c[3]))));
    [c[4], c[5], c[7], c[1], c[0]].forEach(function (v) { if (v) facts.appendChild(text("span", v)); });
    q.appendChild(facts);
    if (c[8]) {
      var gold = text("details", null, "gold"), opened = false;
      gold.appendChild(both("summary", ["gold solution", "标准解答"]));
      gold.addEventListener("toggle", function () { if (!opened) { opened = true; gold.appendChild(prose(c[8], "text")); } });
      q.appendChild(gold);
    }
    var two = text("div", null, "two");
    two.appendChild(answer(data.arms[a], c[6][a]));
    if (a !== b) two.appendChild(answer(data.arms[b], c[6][b]));
    return add(node, q, two);
  }
  function answer(arm, r) {
    var node = text("div", null, "side-by"), head = text("h4", arm), ok = r[1] === "correct";
    head.appendChild(both("span", word(r[1]), ok ? "right" : "wrong"));
    if (r[3]) head.appendChild(both("span", word(r[3])));
    if (r[2] !== null && r[2] !== undefined) head.appendChild(add(both("span", ["read as ", "读作 "]), value(r[2])));
    node.appendChild(head);
    node.appendChild(prose(r[0], "text", r[5]));
    if (r[4]) node.appendChild(add(text("div", null, "facts"), both("mark", ["cut off at the token limit", "在长度上限处截断"])));
    if (r[6]) node.appendChild(add(text("div", null, "facts"), both("span", [r[6] + " characters not shown; they stand in the parquet file", "另有 " + r[6] + " 个字符未显示，见 parquet 文件"])));
    return node;
  }
  // Dollars are prices where a digit follows the second one or a space stands inside the pair.
  // Text with mathematics: what stands between $..$, $$..$$, \(..\), \[..\] becomes MathML, the rest stays text.
  var MATH = new RegExp([
    /\$\$([^$]{1,2000}?)\$\$/, // 1: display
    /(?<!\\)\$([^$\n]{0,600}?[\\^_][^$\n]{0,600}?)\$(?!\d)/, // 2: a command, a power or an index: no price
    /(?<![\\\w])\$(?![\s$])([^$\n]{0,600}?[^\s$\\])\$(?!\d)/, // 3: plain, close to its signs
    /\\\(([\s\S]{1,600}?)\\\)/, // 4
    /\\\[([\s\S]{1,2000}?)\\\]/, // 5: display
    /(\\begin\{(?:align|equation|gather|eqnarray)\*?\}[\s\S]{1,3000}?\\end\{(?:align|equation|gather|eqnarray)\*?\})/, // 6
    /(\\boxed\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\}){0,200}\})/ // 7: outside of formulas
  ].map(function (r) { return r.source; }).join("|"), "g");
  function prose(value, css, slip) {
    var node = text("div", null, css), source = String(value), last = 0, m;
    if (slip) {
      slip = whole(source, slip);
      add(node, pieces(source.slice(0, slip[0])), add(text("mark", null, "slip"), pieces(source.slice(slip[0], slip[1]))), pieces(source.slice(slip[1])));
      return node;
    }
    node.appendChild(pieces(source));
    return node;
  }
  // A slip inside a formula marks the formula: half of one cannot be set.
  function whole(source, span) {
    var from = span[0], to = span[1], m;
    MATH.lastIndex = 0;
    while ((m = MATH.exec(source)) !== null) {
      var end = m.index + m[0].length;
      if (m.index < to && end > from) { from = Math.min(from, m.index); to = Math.max(to, end); }
    }
    return [from, to];
  }
  function pieces(source) {
    var all = document.createDocumentFragment(), last = 0, m;
    MATH.lastIndex = 0;
    while ((m = MATH.exec(source)) !== null) {
      var tex = m.slice(1).find(Boolean), made = setFormula(tex, Boolean(m[1] || m[5] || m[6]));
      if (!made) continue;
      all.appendChild(document.createTextNode(source.slice(last, m.index)));
      all.appendChild(made);
      last = m.index + m[0].length;
    }
    all.appendChild(document.createTextNode(source.slice(last)));
    return all;
  }
  function value(answer) {
    var inside = /^\s*\$+([^$]+)\$+\s*$/.exec(answer), bare = inside ? inside[1] : String(answer).replace(/^\s*\$+|\$+\s*$/g, "");
    return (inside || /[\\^_]/.test(bare)) && setFormula(bare, false) || document.createTextNode(inside ? bare : String(answer));
  }
  unpack(box).then(start).catch(function (error) {
    $("case-count").textContent = String(error);
    root.dataset.ready = "failed";
  });
})();
