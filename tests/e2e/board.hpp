// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace mesura::test {

/// A web server on a free port of the loopback that answers requests by a list, and all others with 404.
class Board {
 public:
  /// `answers`: by path and query.
  explicit Board(std::map<std::string, std::string> answers);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  [[nodiscard]] std::string url() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace mesura::test
