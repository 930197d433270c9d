"""Every phrase of the report in English and Chinese."""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS: dict[str, tuple[str, str]] = {
    # masthead
    "report": ("Report", "报告"),
    "made": ("made {when}", "生成于 {when}"),
    "seed": ("seed {seed}", "随机种子 {seed}"),
    "took": ("{minutes} on this machine", "在本机用时 {minutes}"),
    "digest": ("digest {digest}", "摘要 {digest}"),
    "theme": ("Light / dark", "浅色 / 深色"),
    "print": ("Print", "打印"),
    # the answer
    "answer": ("The answer", "结论"),
    "helped": ("It helped.", "有帮助。"),
    "hurt": ("It hurt.", "有损害。"),
    "unclear": ("No clear difference.", "没有明显差别。"),
    "nothing": ("Nothing was compared in this run.", "本次运行没有进行比较。"),
    "lead": (
        "{after} answers {right} of {n} problems correctly, {before} {wrong}.",
        "{n} 道题中，{after} 答对 {right} 道，{before} 答对 {wrong} 道。",
    ),
    "points_unit": ("points", "个百分点"),
    "sure": (
        "95 % interval {low} to {high} points · McNemar exact p {p} · n = {n}, paired",
        "95 % 区间 {low} 至 {high} 个百分点 · McNemar 精确检验 p {p} · n = {n}，配对",
    ),
    "flips": ("{fixed} fixed, {broken} broken", "修正 {fixed} 题，变错 {broken} 题"),
    "mdd": (
        "With these problems a true difference of {mdd} points or more would be found in four runs out of five.",
        "以这些题目，真实差异达到 {mdd} 个百分点时，五次运行中有四次能检出。",
    ),
    "small": (
        "The difference is smaller than what this number of problems can show reliably.",
        "差异小于这一题量所能可靠检出的幅度。",
    ),
    "not_same": ("Not the same settings: {what}", "设置不一致：{what}"),
    "cut_warning": (
        "{arm}: {share} of the answers were cut off at the token limit; its accuracy is a lower bound.",
        "{arm}：{share} 的回答在长度上限处被截断，其准确率只是下限。",
    ),
    "allowed_note": ("{arm}: the preflight check allowed by name: {what}.", "{arm}：按名放行的预检项：{what}。"),
    # arms
    "arms": ("Accuracy of each arm", "各组准确率"),
    "arms_lead": (
        "Share of problems answered correctly, with its 95 % Wilson interval.",
        "答对题目的比例，线段为 95 % Wilson 区间。",
    ),
    "axis_accuracy": ("accuracy, %", "准确率，%"),
    "arm": ("Arm", "组别"),
    "accuracy": ("Accuracy", "准确率"),
    "interval": ("95 % interval", "95 % 区间"),
    "format": ("Format", "格式正确"),
    "strict": ("Strict", "严格抽取"),
    "cut": ("Cut off", "被截断"),
    "n": ("n", "题数"),
    "length": ("Mean length", "平均长度"),
    "rows": ("Rows", "训练行数"),
    "tokens": ("Tokens", "训练词元"),
    "steps": ("Steps", "步数"),
    "seconds": ("Time", "用时"),
    "untrained": ("not trained", "未训练"),
    "pairs": ("Pairwise differences", "两两比较"),
    "pairs_lead": (
        "Paired difference in percentage points, later minus earlier, with its 95 % bootstrap interval; "
        "p adjusted by Holm for {n} comparisons.",
        "配对差异（百分点，后者减前者）与 95 % 自助法区间；p 值按 Holm 法对 {n} 个比较校正。",
    ),
    "axis_points": ("difference, percentage points", "差异，百分点"),
    "families": ("Broken down", "分项准确率"),
    "families_lead": ("Accuracy by {column}; n beside its name.", "按 {column} 的准确率，名称旁为题数。"),
    # data
    "funnel": ("What happened to every row", "每一行数据的去向"),
    "funnel_lead": (
        "Nothing disappears: for each stage, rows in + created = kept + set aside. Open a reason to see examples.",
        "数据不会无故消失：每个阶段 输入 + 新增 = 保留 + 剔除。展开原因可看例子。",
    ),
    "rows_in": ("in", "输入"),
    "created": ("created", "新增"),
    "kept": ("kept", "保留"),
    "aside": ("set aside", "剔除"),
    "axis_rows": ("rows", "行"),
    "no_examples": ("No examples were stored.", "没有保存例子。"),
    "options": ("Options", "选项"),
    "figures": ("Figures of this stage", "本阶段指标"),
    "planted": ("Planted faults, found and missed", "预埋错误：找到与漏掉"),
    "planted_lead": (
        "The corpus was made with known faults at known places, so hits and misses can be counted.",
        "语料中的错误是在已知位置预埋的，因此每个阶段都可以逐一核对。",
    ),
    "fault": ("Fault", "错误"),
    "planted_n": ("Planted", "预埋"),
    "found": ("Found", "找到"),
    "missed": ("Missed", "漏掉"),
    "elsewhere": ("Left for another reason", "因其他原因离开"),
    "wrongly": ("Sound rows hit", "误伤"),
    "stage": ("Stage", "阶段"),
    "augment": ("Augmentation: made and accepted", "增强：生成与采纳"),
    "augment_lead": (
        "A made row stays only when its answer was proved or agreed with the gold answer.",
        "生成的数据只有在答案得到证明或与标准答案一致时才保留。",
    ),
    "accepted": ("Accepted", "采纳率"),
    "method": ("Method", "方法"),
    "reasons": ("Set aside because", "剔除原因"),
    "leaks": ("Contamination", "数据污染"),
    "leaks_lead": ("{n} rows too near to a test problem were set aside.", "{n} 行与测试题过于接近，已剔除。"),
    "leaks_none": ("No row was too near to a test problem.", "没有与测试题过于接近的数据。"),
    "curves": ("Training loss", "训练损失"),
    "axis_step": ("step", "步"),
    "axis_loss": ("loss, nats per token", "损失，奈特/词元"),
    "cost": ("Cost", "开销"),
    # cases
    "cases": ("Cases", "案例"),
    "cases_lead": (
        "Every problem with both answers. Text is shown exactly as the model wrote it.",
        "每道题与两组回答，均为模型原文。",
    ),
    "problem": ("Problem", "题目"),
    "gold": ("Gold answer", "标准答案"),
    "search": ("Search text", "搜索文字"),
    "noscript": (
        "The cases need JavaScript; the same texts stand in report.json beside this file.",
        "查看案例需要 JavaScript；同样内容见旁边的 report.json。",
    ),
    # repeat
    "repeat": ("Repeat it", "如何复现"),
    "repeat_lead": (
        "Save the recipe and run it; the same recipe, versions and seed give the same data sets.",
        "保存配方并运行；相同的配方、版本与种子得到相同的数据集。",
    ),
    "recipe": ("Recipe", "配方"),
    "versions": ("Versions", "版本"),
    "inputs": ("Inputs", "输入"),
    "commit": ("Commit", "提交"),
    "card": ("Data card", "数据卡"),
    "identity": ("Evaluation settings", "评测设置"),
    "foot": (
        "Made by mathdata. One file, no network, no tracking.",
        "由 mathdata 生成。单个文件，不联网，无跟踪。",
    ),
}
