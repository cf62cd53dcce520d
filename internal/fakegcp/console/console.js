// Follows the journal: the page works without this, by its form.
"use strict";
const button = document.getElementById("live");
if (button) {
  let timer = 0;
  const refresh = async () => {
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) {
        throw new Error(answer.statusText);
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("#journal tbody").replaceWith(page.querySelector("#journal tbody"));
    } catch {
      stop(); // the fake has ended, or cannot answer
    }
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    timer = setInterval(refresh, 1000);
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Following";
    refresh();
  });
}
