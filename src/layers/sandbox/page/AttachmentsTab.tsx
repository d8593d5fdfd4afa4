import { type Message, partUrl } from "./api.ts"
import { CopyButton } from "./CopyButton.tsx"
import { formatBytes } from "./format.ts"
import { Icon } from "./Icon.tsx"

/** What the sandbox shows in the browser (Downloads.ts); anything else is to be saved. */
const OPENABLE = /^(?:image\/(?:png|jpeg|gif|webp)|text\/(?:plain|csv|calendar))\b/i

export const AttachmentsTab = ({ message }: { readonly message: Message }) =>
  message.Attachments.length === 0 ? (
    <p class="nothing">This mail has no attachments.</p>
  ) : (
    <ul class="attachments">
      {message.Attachments.map((attachment) => (
        <Attachment key={attachment.PartID} id={message.ID} attachment={attachment} />
      ))}
    </ul>
  )

const Attachment = ({
  attachment,
  id
}: {
  readonly attachment: Message["Attachments"][number]
  readonly id: string
}) => {
  const { Checksums, ContentType, FileName, PartID, Size } = attachment
  const url = partUrl(id, PartID)
  return (
    <li>
      <span class="file-kind" aria-hidden="true">
        {extensionOf(FileName)}
      </span>
      <div class="file">
        <b>{FileName}</b>
        <span class="remark">
          {ContentType}, {formatBytes(Size)}
        </span>
        <span class="checksum">
          SHA-256 <code>{Checksums.SHA256}</code> <CopyButton text={Checksums.SHA256} what="the checksum" />
        </span>
      </div>
      <div class="file-tools">
        {OPENABLE.test(ContentType) && (
          <a
            class="button"
            href={`${url}?open=true`}
            target="_blank"
            rel="noopener noreferrer"
            aria-label={`Open ${FileName}`}
          >
            <Icon name="open" /> Open
          </a>
        )}
        <a class="button" href={url} download aria-label={`Download ${FileName}`}>
          <Icon name="download" /> Download
        </a>
      </div>
    </li>
  )
}

const extensionOf = (fileName: string): string => /\.(\w{1,4})$/.exec(fileName)?.[1]?.toLowerCase() ?? "file"
