import { getSource, rawUrl, type Source } from "./api.ts"
import { Gone } from "./Gone.tsx"
import { useAnswer } from "./useAnswer.ts"

/** Characters that are shown: megabytes of base64 are not for reading. */
const LIMIT = 200_000

const beginning = (id: string, signal: AbortSignal): Promise<Source> => getSource(id, LIMIT, signal)

export const SourceTab = ({ id }: { readonly id: string }) => {
  const source = useAnswer(id, beginning)
  if (source === undefined) return null
  if (source === "gone") return <Gone />
  return (
    <>
      <p class="hint">
        Rebuilt from what was submitted: the Cakemail API never saw the original.
        {!source.whole && (
          <>
            {" "}
            This is its beginning. <a href={`${rawUrl(id)}?download=true`}>Download all of it</a>
          </>
        )}
      </p>
      <pre class="plain">{source.text}</pre>
    </>
  )
}
