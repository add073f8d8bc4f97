// The llama family: Llama 1-3, Mistral, SmolLM, and what converts to "llama" (GGUF stores q and k for neighbour pairs).
#include "models/arch/arch_spec.h"

namespace vivace {

const ArchSpec kLlama{.name = "llama"};

}  // namespace vivace
