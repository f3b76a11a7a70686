import type { FormToken } from "./forms.ts";
import { html, type Html } from "./html.ts";

/** A form that is one button. */
export function postForm(
  { token }: { readonly token: FormToken },
  action: string,
  fields: Readonly<Record<string, string>>,
  button: Html,
): Html {
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${action}">${token.field()}${hidden}${button}</form>`;
}
