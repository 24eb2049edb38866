// CHANGELOG.md, by release.

/** What a changelog says of a version; `undefined` if it has no section with a date for it, or one without a word. */
export function notesOf(changelog, version) {
  const sections = changelog.split(/^(?=## \[)/m);
  const section = sections.find((one) => one.startsWith(`## [${version}] - `) && /^## \[.+\] - \d{4}-\d\d-\d\d$/m.test(one));
  return section && /^- /m.test(section) ? section : undefined;
}
