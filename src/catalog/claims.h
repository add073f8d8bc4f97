// What the document that started the project says about speed and memory, checked by our own arithmetic.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivace {

/// One statement of catalog/claims.toml.
struct Claim {
  std::string name;
  std::string quote;
  std::string check;    // a row of claims.cpp
  std::string verdict;  // as recorded: "holds", "holds only if", "contradicted"
  std::string physics;
};

/// What computing a check anew gives.
struct ClaimResult {
  std::string verdict;                                       // that the figures say
  std::vector<std::pair<std::string, std::string>> figures;  // what was computed: name and value
};

/// Throws Error kInvalidFile naming row and field.
std::vector<Claim> read_claims(std::string_view text, const std::string& origin);

/// The statements that travel with the program.
const std::vector<Claim>& claims();

/// Computes a claim's check; throws Error kInvalidFile where there is no such check.
ClaimResult check_claim(const Claim& claim);

}  // namespace vivace
