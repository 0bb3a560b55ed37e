// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
