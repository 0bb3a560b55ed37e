// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "repair.hpp"

namespace mesura::ct6 {
namespace {

bool ends_string(std::string_view text, std::size_t behind) {
  const std::size_t next = text.find_first_not_of(" \t\r\n", behind);
  if (next == std::string_view::npos) return true;
  return text[next] == ':' || text[next] == ',' || text[next] == '}' || text[next] == ']';
}

}  // namespace

bool mend_apostrophes(std::string_view reply, std::string& mended) {
  mended.assign(reply);
  bool inside = false, changed = false;
  for (std::size_t i = 0; i < mended.size(); ++i) {
    if (inside && mended[i] == '\\') {
      ++i;
      continue;
    }
    if (mended[i] != '"') continue;
    if (!inside || ends_string(mended, i + 1)) {
      inside = !inside;
      continue;
    }
    mended[i] = '\'';
    changed = true;
  }
  return changed;
}

}  // namespace mesura::ct6
