/** Postmark. */
import { clicks, eitherWay, lost, needless, opens, tag } from "./rules.ts"
import type { FormerService, Wish } from "./Wish.ts"

const TRACK_LINKS: ReadonlyMap<string, Wish> = new Map([
  ["none", clicks(false, false)],
  ["htmlandtext", clicks(true, true)],
  ["htmlonly", clicks(true, false)],
  ["textonly", clicks(false, true)]
])

/** The streams that every server of Postmark has. */
const STREAMS: ReadonlyMap<string, Wish> = new Map([
  ["outbound", { _tag: "ContentType", type: "transactional" }],
  ["broadcast", { _tag: "ContentType", type: "marketing" }]
])

export const postmark: FormerService = {
  name: "Postmark",
  prefix: "x-pm-",
  headers: [
    { name: "X-PM-Tag", becomes: "a tag", lost: "–", read: (value) => [tag(value)] },
    {
      name: "X-PM-TrackOpens",
      becomes: "tracking of opens",
      lost: "–",
      read: (value) => eitherWay(value, (on) => [opens(on)])
    },
    {
      name: "X-PM-TrackLinks",
      becomes: "tracking of clicks in HTML, text, both or neither",
      lost: "–",
      read: (value) => {
        const wish = TRACK_LINKS.get(value.trim().toLowerCase())
        return wish === undefined ? lost("(none of None, HtmlAndText, HtmlOnly, TextOnly)") : [wish]
      }
    },
    {
      name: "X-PM-Metadata-*",
      becomes: "custom data",
      lost: "–",
      read: (value, _mail, name) => [{ _tag: "CustomData", name, value }]
    },
    {
      name: "X-PM-Message-Stream",
      becomes: "content type: `outbound` transactional, `broadcast` marketing",
      lost: "a stream of another name",
      read: (value) => {
        const wish = STREAMS.get(value.trim().toLowerCase())
        return wish === undefined ? lost() : [wish]
      }
    },
    needless("X-PM-KeepID", "nothing: the Message-ID always stays")
  ]
}
