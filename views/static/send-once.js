/** Owns the second click: a form that is on its way is not sent again, as the answer to the first may be the only one with the secret. */
const patience = 5000;

for (const form of document.querySelectorAll('form[method="post"]')) {
  let sentAt = Number.NEGATIVE_INFINITY;
  form.addEventListener('submit', (event) => {
    const now = performance.now();
    if (now - sentAt < patience) return event.preventDefault();
    sentAt = now;
  });
  // Back on the page out of the browser's memory: the form may be sent anew.
  addEventListener('pageshow', () => {
    sentAt = Number.NEGATIVE_INFINITY;
  });
}
