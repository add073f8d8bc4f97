// The text of scripts/fetch_models.py, which travels inside the program.
#pragma once

namespace vivace {

const char* fetch_script();

}  // namespace vivace
