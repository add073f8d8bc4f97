// Rows of the embedding table.
#include <cctype>
#include <string>

#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

struct EmbedPush {
  RowsPush result;
  VkDeviceAddress count, token_ids, table, tables;
  uint64_t row_bytes;
  float scale;
  uint32_t reserved;
};

}  // namespace

void record(Recorder& recorder, const EmbedArgs& args) {
  if (args.table.layout != Layout::kRows) throw Error(ErrorCode::kInternal, "Vulkan: weights lie in rows");
  const EmbedPush push{rows_push(args.output),
                       recorder.count(RowSet::kTokens),
                       recorder.token_ids(),
                       weight_address(args.table),
                       recorder.tables(),
                       row_bytes(*args.table.format, size_t(args.table.columns)),
                       args.scale,
                       0};
  recorder.dispatch(find_kernel("embed_" + format_suffix(*args.table.format)), {}, push,
                    {groups_for(args.output.columns, 256), uint32_t(recorder.tokens())});
}

std::string format_suffix(const FormatRow& format) {
  std::string name = format.name;
  for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace vivace::vulkan
