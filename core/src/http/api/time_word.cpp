// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/time_word.hpp"

#include "store/time_text.hpp"

#include <utility>

namespace mesura::http::api {

TimeWord read_time(std::string_view text, bool end, std::int64_t now_ns, const model::Zone& zone) {
  model::Problem problem;
  const auto bound = end ? store::Bound::to : store::Bound::from;
  const auto time = store::parse_instant(text, bound, now_ns, zone, &problem);
  std::string hint = std::move(problem.hint);
  // A form's '+' is a blank: the commonest mistake with offsets.
  if (!time && text.find(' ') != std::string_view::npos) hint = "in a URL '+' is a blank: write %2B, or UTC with Z";
  return {time, std::move(hint)};
}

}  // namespace mesura::http::api
