// What the console does better with a script; all of it works without.
"use strict";

// A form that came back with faults is read out from its summary.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 3000);
});

// Parts that change by themselves are fetched again: those with data-refresh,
// which says every how many seconds. That keeps nobody signed in. Not while somebody is reading in them.
for (const part of document.querySelectorAll("[data-refresh]")) {
  const period = Number(part.dataset.refresh) * 1000;
  setInterval(async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html", "postern-refresh": "1" } });
      if (!answer.ok || answer.redirected) return location.reload();
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const same = fresh.getElementById(part.id);
      if (same) part.replaceChildren(...same.childNodes);
    } catch {
      // The gateway is being restarted, or the network is away: next time.
    }
  }, period);
}

// All boxes of a table at once.
for (const all of document.querySelectorAll("[data-check-all]")) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of document.getElementsByName(all.dataset.checkAll)) box.checked = all.checked;
  });
}

// Lists are filtered as soon as something else is chosen.
for (const form of document.querySelectorAll("form[data-filter]")) {
  form.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") form.requestSubmit();
  });
}
