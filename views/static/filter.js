/** Owns the filter over a list that is on the page already: `<input data-filter="ID">` hides the entries that do not match, and the parts that hold no other. */
const announce = document.getElementById('announce');

for (const input of document.querySelectorAll('input[data-filter]')) {
  const list = document.getElementById(input.dataset.filter);
  const none = document.getElementById(`${input.dataset.filter}-none`);
  input.closest('[data-script]').removeAttribute('data-script');
  input.addEventListener('input', () => {
    const text = input.value.trim().toLowerCase();
    const words = text.split(/\s+/);
    let shown = 0;
    for (const part of list.querySelectorAll('[data-part]')) {
      const found = filterPart(part, words);
      part.hidden = text !== '' && found === 0;
      // What matches is not left behind a fold.
      if (part.matches('details')) part.open = text !== '';
      shown += found;
    }
    none.hidden = shown > 0;
    announce.textContent = text === '' ? '' : `${shown} found`;
  });
}

/** @returns how many of its entries hold every word */
function filterPart(part, words) {
  let shown = 0;
  for (const entry of part.querySelectorAll('[data-entry]')) {
    const text = entry.textContent.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
    if (!entry.hidden) shown += 1;
  }
  return shown;
}
