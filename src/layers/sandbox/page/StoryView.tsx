/** What was sent to Cakemail and what came back, with the gateway's log of the session. */
import type { Exchange, Story } from "./api.ts"
import { CopyButton } from "./CopyButton.tsx"
import { formatBytes, formatPreciseTime } from "./format.ts"
import { Gone } from "./Gone.tsx"
import { Json } from "./Json.tsx"
import { useAnswer } from "./useAnswer.ts"

export const StoryView = (props: {
  readonly id: string
  readonly ask: (id: string, signal: AbortSignal) => Promise<Story>
  /** The story goes on where this changes. */
  readonly state?: string | undefined
}) => {
  const story = useAnswer(props.id, props.ask, props.state)
  if (story === undefined) return null
  if (story === "gone") return <Gone />
  return (
    <div class="story">
      {story.traceId !== undefined && (
        <p class="trace">
          Trace <code>{story.traceId}</code> <CopyButton text={story.traceId} what="the trace id" />
        </p>
      )}
      <section aria-labelledby="calls-title">
        <h2 id="calls-title">Calls of the Cakemail API</h2>
        {story.exchanges.length === 0 && <p class="hint">There was none: the gateway did not ask the API.</p>}
        {story.exchanges.map((exchange, index) => (
          <Call key={exchange.requestId} exchange={exchange} open={index === story.exchanges.length - 1} />
        ))}
      </section>
      <section aria-labelledby="log-title">
        <h2 id="log-title">Log of the session</h2>
        {story.log.length === 0 ? (
          <p class="hint">No gateway in this process has logged anything of it.</p>
        ) : (
          <Log lines={story.log} />
        )}
      </section>
    </div>
  )
}

const Call = ({ exchange, open }: { readonly exchange: Exchange; readonly open: boolean }) => {
  const { answer, duration, method, outcome, path, request, requestId, startedAt } = exchange
  const good = typeof outcome === "number" && outcome < 400 && !exchange.refused
  return (
    <details class="call" open={open}>
      <summary>
        <span class="method">{method}</span>
        <span class="path">{path}</span>
        <span class={good ? "outcome" : "outcome bad"}>{outcome}</span>
        <span class="remark">{duration === undefined ? "" : `${duration} ms`}</span>
      </summary>
      <p class="hint">
        {formatPreciseTime(startedAt)}, request id <code>{requestId}</code>{" "}
        <CopyButton text={requestId} what="the request id" />
      </p>
      <Body title="Request" body={request} />
      <Body title="Answer" body={answer} />
    </details>
  )
}

const Body = ({ body, title }: { readonly body: Exchange["request"]; readonly title: string }) => {
  if (body.bytes === 0) return <p class="hint">{title}: empty</p>
  return (
    <div class="body">
      <h3>
        {title} <span class="remark">{formatBytes(body.bytes)}</span>
        {body.text !== undefined && <CopyButton text={body.text} what={`the ${title.toLowerCase()}`} />}
      </h3>
      {body.text === undefined ? (
        <p class="hint">It was too large to be kept.</p>
      ) : (
        <Json label={title} text={body.text} />
      )}
    </div>
  )
}

type Lines = Story["log"]

const Log = ({ lines }: { readonly lines: Lines }) => {
  const common = commonFields(lines)
  return (
    <>
      {common.length > 0 && <Fields fields={common} />}
      <div class="log-frame" role="region" tabIndex={0} aria-label="Lines of the log">
        <table class="log">
          <thead class="unseen">
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Level</th>
              <th scope="col">Event</th>
              <th scope="col">Fields</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ at, event, fields, level }, index) => (
              <tr key={index} class={`level-${level}`}>
                <td>{formatPreciseTime(at)}</td>
                <td>{level}</td>
                <th scope="row">{event}</th>
                <td>
                  <Fields fields={Object.entries(fields).filter(([name]) => !common.some(([each]) => each === name))} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

type Field = readonly [name: string, value: unknown]

/** What every line says alike needs to be read but once. */
const commonFields = (lines: Lines): ReadonlyArray<Field> =>
  Object.entries(lines[0]?.fields ?? {}).filter(([name, value]) => lines.every(({ fields }) => fields[name] === value))

const Fields = ({ fields }: { readonly fields: ReadonlyArray<Field> }) => (
  <span class="fields">
    {fields.map(([name, value]) => (
      <span class="field" key={name}>
        <span class="field-name">{name}=</span>
        {typeof value === "string" ? value : JSON.stringify(value)}
      </span>
    ))}
  </span>
)
