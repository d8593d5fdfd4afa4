export const TextTab = ({ text }: { readonly text: string }) =>
  text === "" ? <p class="nothing">This mail has no text part.</p> : <pre class="plain">{text}</pre>
