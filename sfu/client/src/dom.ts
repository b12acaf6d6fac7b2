/** The page's fixed elements, and making new ones. */

export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
}

export function element(tag: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Touches the page only where something changed: a screen reader hears of every touch. */
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text;
}
