#include "advise/html_page.h"

#include "advise/svg_plot.h"

namespace vivace {
namespace {

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2530;"
    "background:#fff}h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem}"
    ".sub{color:#5b6675;margin-top:0}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem "
    ".8rem .3rem 0;border-bottom:1px solid #e3e7ec}td.n,th.n{text-align:right}svg{width:100%;height:auto}"
    "svg text{font:12px system-ui,sans-serif;fill:#1d2530}svg .small{font-size:11px;fill:#5b6675}"
    ".grid{stroke:#e3e7ec}.limit{stroke:#c0392b;stroke-width:2}.curve{fill:none;stroke:#2f6fd0;stroke-width:2}"
    ".dot{fill:#2f6fd0}.marked{fill:#e07b1f;stroke:#fff;stroke-width:2}.part0{fill:#2f6fd0}.part1{fill:#e0a21f}"
    ".part2{fill:#4aa36b}.warn{border-left:4px solid #c0392b;padding:.4rem .9rem;background:#fdf1ef}"
    "@media(prefers-color-scheme:dark){body{background:#14181d;color:#e4e9ef}.sub,svg .small{color:#9aa6b4;"
    "fill:#9aa6b4}svg text{fill:#e4e9ef}td,th{border-color:#2b333d}.grid{stroke:#2b333d}.warn{background:#2a1b19}}";

}  // namespace

std::string html_page(std::string_view title, std::string_view subtitle, std::string_view body) {
  const std::string name = html_text(title), below = html_text(subtitle);
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>";
  page += name + "</title><style>" + kStyle + "</style></head><body><h1>" + name + "</h1><p class=\"sub\">" + below;
  page += "</p>";
  return page.append(body) + "</body></html>\n";
}

std::string html_table(const std::vector<std::vector<std::string>>& rows, size_t numbers_from) {
  std::string table = "<table>";
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::string tag = r == 0 ? "th" : "td";
    table += "<tr>";
    for (size_t c = 0; c < rows[r].size(); ++c) {
      table += "<" + tag + (c >= numbers_from ? " class=\"n\">" : ">") + html_text(rows[r][c]) + "</" + tag + ">";
    }
    table += "</tr>";
  }
  return table + "</table>";
}

}  // namespace vivace
