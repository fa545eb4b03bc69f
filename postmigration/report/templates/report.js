"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const form = find("filter");
  const checks = [...document.querySelectorAll(".check")];
  // Read once, and when it is asked for: what is searched is what is shown.
  const read = new Map();
  const words = (check) => {
    if (!read.has(check)) read.set(check, check.textContent.toLowerCase());
    return read.get(check);
  };
  const shelves = [...document.querySelectorAll(".shelf")];
  const lines = [...document.querySelectorAll(".more li")];
  const shown = () => checks.filter((check) => !check.hidden);
  const unfold = (check) => { const shelf = check.closest("details.shelf"); if (shelf) shelf.open = true; };
  const opened = (check) => { unfold(check); check.querySelector("details").open = true; };

  function filter() {
    const text = find("filter-text").value.trim().toLowerCase();
    const group = find("filter-group").value;
    const outcome = find("filter-outcome").value;
    const severity = find("filter-severity").value;
    for (const check of checks) {
      check.hidden = Boolean(
        (group && check.dataset.group !== group)
        || (outcome && check.dataset.outcome !== outcome)
        || (severity && !check.dataset.severities.split(" ").includes(severity))
        || (text && !words(check).includes(text)),
      );
    }
    const asked = text || group || outcome || severity;
    for (const shelf of shelves) {
      shelf.hidden = !shelf.querySelector(".check:not([hidden])");
      // What is looked for is seen; what nobody asks for is folded.
      if (shelf.tagName === "DETAILS") shelf.open = Boolean(asked);
    }
    for (const line of lines) {
      const hidden = Boolean(text) && !line.textContent.toLowerCase().includes(text);
      if (line.hidden !== hidden) line.hidden = hidden;
    }
    for (const more of document.querySelectorAll("details.more")) {
      more.open = Boolean(text) && Boolean(more.querySelector("li:not([hidden])"));
    }
    find("filter-count").textContent = `${shown().length} of ${checks.length} checks`;
  }

  function toTarget() {
    const check = checks.find((each) => `#${each.id}` === location.hash);
    if (!check) return;
    if (check.hidden) { form.reset(); filter(); }
    opened(check);
    check.scrollIntoView();
    check.querySelector("summary").focus({ preventScroll: true });
  }

  function move(step) {
    const bad = shown().filter((check) => /^(failed|broken)$/.test(check.dataset.outcome));
    const among = bad.length ? bad : shown();
    const at = among.findIndex((check) => check.contains(document.activeElement));
    const next = among[at < 0 ? 0 : Math.min(Math.max(at + step, 0), among.length - 1)];
    if (!next) return;
    unfold(next);
    next.querySelector("summary").focus();
  }

  async function copy(button) {
    const pre = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      // A page from a file or an attachment may not write to the clipboard by itself.
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!document.execCommand("copy")) { button.textContent = "Selected: press Ctrl+C"; return; }
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  find("open-all").addEventListener("click", () => shown().forEach(opened));
  find("close-all").addEventListener("click", () => {
    for (const check of checks) check.querySelector("details").open = false;
    for (const shelf of document.querySelectorAll("details.shelf, details.declared")) shelf.open = false;
  });
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === find("filter-text")) { form.reset(); event.target.blur(); return; }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "/") { event.preventDefault(); find("filter-text").focus(); }
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
  });
  addEventListener("beforeprint", () => {
    for (const shelf of document.querySelectorAll("details.shelf, details.declared")) shelf.open = true;
  });
  addEventListener("hashchange", toTarget);
  filter();
  toTarget();
})();
