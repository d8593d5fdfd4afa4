import { getHeaders } from "./api.ts"
import { Gone } from "./Gone.tsx"
import { useAnswer } from "./useAnswer.ts"

export const HeadersTab = ({ id }: { readonly id: string }) => {
  const headers = useAnswer(id, getHeaders)
  if (headers === undefined) return null
  if (headers === "gone") return <Gone />
  return (
    <table class="headers">
      <thead class="unseen">
        <tr>
          <th scope="col">Header</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(headers).flatMap(([name, values]) =>
          values.map((value, index) => (
            <tr key={`${name} ${index}`}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))
        )}
      </tbody>
    </table>
  )
}
