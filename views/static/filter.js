/** Owns the filter over a list that is on the page already: `<input data-filter="ID" hidden>` hides what does not match. */
for (const input of document.querySelectorAll('input[data-filter]')) {
  const list = document.getElementById(input.dataset.filter);
  const none = document.getElementById(`${input.dataset.filter}-none`);
  input.closest('[hidden]').hidden = false;
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const entry of list.querySelectorAll('[data-entry]')) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
      if (!entry.hidden) shown += 1;
    }
    none.hidden = shown > 0;
  });
}
