// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

namespace mesura::app {
int dispatch(int argc, char** argv);
}

int main(int argc, char** argv) {
  try {
    return mesura::app::dispatch(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mesura: error[internal]: %s\n", e.what());
    return 1;
  }
}
