import { useEffect, useState } from "preact/hooks"
import { getSource, rawUrl } from "./api.ts"
import { report } from "./problems.ts"

/** Characters that are shown: megabytes of base64 are not for reading. */
const LIMIT = 200_000

export const SourceTab = ({ id }: { readonly id: string }) => {
  const [source, setSource] = useState<{ readonly text: string; readonly whole: boolean }>()
  useEffect(() => {
    getSource(id, LIMIT).then(setSource, report)
  }, [id])
  if (source === undefined) return null
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
