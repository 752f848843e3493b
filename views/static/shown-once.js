/** Owns what loading a page again that shows a secret leads to: `<a data-shown-once href>`, and not the same form once more. */
const list = document.querySelector('a[data-shown-once]');
if (list !== null) history.replaceState(null, '', list.href);
