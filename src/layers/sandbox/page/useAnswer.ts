import { useEffect, useState } from "preact/hooks"
import { ApiProblem } from "./api.ts"
import { report } from "./problems.ts"

/**
 * What the sandbox answers about one thing: `undefined` until it has, `"gone"` when it no longer knows it. Asked anew for
 * another `id`, and for another `state` of the thing, where what was answered stands until then; who leaves before the
 * answer has come does not wait for it.
 */
export const useAnswer = <A>(
  id: string,
  ask: (id: string, signal: AbortSignal) => Promise<A>,
  state?: string
): A | "gone" | undefined => {
  const [answer, setAnswer] = useState<A | "gone">()
  useEffect(() => {
    const left = new AbortController()
    ask(id, left.signal).then(
      (found) => left.signal.aborted || setAnswer(() => found),
      (error: unknown) => {
        if (left.signal.aborted) return
        if (error instanceof ApiProblem && error.status === 404) setAnswer("gone")
        else report(error)
      }
    )
    return () => left.abort()
  }, [id, state])
  return answer
}
