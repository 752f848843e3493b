/** Owns the filter over a list that is on the page already: `<input data-filter="ID">` hides the entries that do not match, and the parts that hold no other. */
const announce = document.getElementById('announce');

for (const input of document.querySelectorAll('input[data-filter]')) {
  const list = document.getElementById(input.dataset.filter);
  const none = document.getElementById(`${input.dataset.filter}-none`);
  const count = document.getElementById(`${input.dataset.filter}-count`);
  input.closest('[data-script]').removeAttribute('data-script');
  input.addEventListener('input', () => {
    const text = input.value.trim().toLowerCase();
    const words = text.split(/\s+/).filter((word) => word !== '');
    let shown = 0;
    for (const part of list.querySelectorAll('[data-part]')) {
      const found = filterPart(part, words);
      part.hidden = text !== '' && found === 0;
      // What matches is not left behind a fold.
      if (part.matches('details')) part.open = text !== '';
      shown += found;
    }
    none.hidden = shown > 0;
    const total = list.querySelectorAll('[data-entry]').length;
    announce.textContent = text === '' ? '' : `${shown} of ${total}`;
    count.textContent = text === '' ? '' : `${shown} of ${total} shown`;
  });
}

/** Each word matches at the beginning of a word of the entry. @returns how many of its entries have every word */
function filterPart(part, words) {
  let shown = 0;
  for (const entry of part.querySelectorAll('[data-entry]')) {
    const text = entry.dataset.search.toLowerCase();
    entry.hidden = !words.every((word) => beginsIn(text, word));
    if (!entry.hidden) shown += 1;
  }
  return shown;
}

/** Punctuation separates words: "0.7" is found in "10.0.0.7", and "app" in "team/app". */
function beginsIn(text, word) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1])) return true;
  }
  return false;
}
