/** Owns the second look at a moment: the server writes it in UTC, this rewrites it in the reader's own time zone. */
const formats = {
  day: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }),
  minute: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
};

rewrite(document);
for (const zone of document.querySelectorAll('[data-zone]')) zone.textContent = formats.day.resolvedOptions().timeZone;
document.addEventListener('replaced', ({ detail }) => rewrite(detail));

function rewrite(part) {
  for (const time of part.querySelectorAll('time[data-format]')) {
    const at = new Date(time.dateTime);
    const format = formats[time.dataset.format];
    // "3 hours ago" is right in every zone: only the full time behind it changes.
    if (format !== undefined) time.textContent = format.format(at);
    time.title = formats.minute.format(at);
  }
}
