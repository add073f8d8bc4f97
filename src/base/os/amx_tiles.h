// The system's permission to use the tile registers of AMX.
#pragma once

namespace vivace {

/// Asks that the process may use them, which the system must know since they make its saved state larger. False where
/// it refuses or knows nothing of them.
bool request_amx_tiles();

}  // namespace vivace
