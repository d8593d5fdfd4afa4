/** JSON as it came, its parts in colours. */
const PARTS = /("(?:[^"\\]|\\.)*"(?=\s*:))|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g

const KINDS = ["key", "string", "number", "word"] as const

export const Json = ({ label, text }: { readonly label: string; readonly text: string }) => {
  const parts = []
  let end = 0
  for (const match of text.matchAll(PARTS)) {
    const kind = KINDS[match.slice(1).findIndex((part) => part !== undefined)] ?? "word"
    parts.push(text.slice(end, match.index), <span class={`json-${kind}`}>{match[0]}</span>)
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  return (
    // Long ones scroll: whoever has no mouse has to reach them.
    <pre class="code" role="region" tabIndex={0} aria-label={label}>
      {parts}
    </pre>
  )
}
