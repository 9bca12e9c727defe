// The slider goes to its entry by itself. Without this, the button beside it does.
const WAIT = 500; // milliseconds: whoever holds an arrow key down is not done yet

for (const form of document.querySelectorAll("[data-past-slider]")) {
  const slider = form.querySelector("input[type=range]");
  const said = form.querySelector("output");
  let waiting;

  slider.addEventListener("input", () => {
    const text = slider.dataset.pastSays.replace("{n}", slider.value).replace("{last}", slider.max);
    said.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  });
  slider.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => form.requestSubmit(), WAIT);
  });
  // A page that comes back as it was left shows the entry of its address, not where the slider was let go.
  addEventListener("pageshow", () => {
    slider.value = slider.defaultValue;
    slider.dispatchEvent(new Event("input"));
  });
  if (location.hash === `#${slider.id}`) slider.focus({ preventScroll: true });
}
