// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a program takes from the heap. Linking mesura_heap_count replaces operator new, so it is for programs of one
// thread that do nothing else, and not for sanitizers, which have an operator new of their own.
#pragma once

#include <cstddef>

namespace mesura::test::heap {

extern std::size_t allocations;  ///< so far
extern std::size_t live_bytes;   ///< as malloc rounds them
extern std::size_t peak_bytes;   ///< the most of live_bytes; a test sets it to live_bytes to start anew

}  // namespace mesura::test::heap
