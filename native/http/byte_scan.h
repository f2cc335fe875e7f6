#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Searches for the byte that ends a stretch of a head, sixteen bytes at a time where the processor can. Each rule is
/// written once and runs on a single byte as on a vector of sixteen; the processors differ only in how the first hit
/// is found.
namespace uwsgiref::http::scan {

/// Sixteen bytes with the operators of one (a GCC and clang vector extension).
using Bytes16 [[gnu::vector_size(16)]] = uint8_t;
/// What a comparison of two Bytes16 gives: all bits of a byte set where it holds.
using Mask16 [[gnu::vector_size(16)]] = int8_t;

/// Ends a field value: any control but HTAB (RFC 9110 §5.5).
struct EndsValue {
  auto operator()(auto byte) const noexcept { return ((byte < 0x20) & (byte != 0x09)) | (byte == 0x7f); }
};

/// Ends a path: what is not visible ASCII, and the marks of query and fragment.
struct EndsPath {
  auto operator()(auto byte) const noexcept { return (byte < 0x21) | (byte > 0x7e) | (byte == '#') | (byte == '?'); }
};

/// Ends a field name.
struct IsColon {
  auto operator()(auto byte) const noexcept { return byte == ':'; }
};

/// One byte at a time.
struct Scalar {
  template <class Rule>
  static const char* find(const char* at, const char* end, Rule rule) noexcept {
    while (at != end && !rule(static_cast<uint8_t>(*at))) ++at;
    return at;
  }
};

/// Sixteen bytes at a time, the rest one by one. `First` says where the first hit of a mask is; 16 for none.
template <class First>
struct Vector {
  template <class Rule>
  static const char* find(const char* at, const char* end, Rule rule) noexcept {
    for (; end - at >= 16; at += 16) {
      Bytes16 bytes;
      std::memcpy(&bytes, at, sizeof bytes);
      const unsigned hit = First::of(rule(bytes));
      if (hit < 16) return at + hit;
    }
    return Scalar::find(at, end, rule);
  }
};

#if defined(__SSE2__)

struct Sse2First {
  static unsigned of(Mask16 mask) noexcept {
    const int bits = _mm_movemask_epi8(reinterpret_cast<__m128i>(mask));
    return static_cast<unsigned>(std::countr_zero(static_cast<uint32_t>(bits) | 0x10000U));
  }
};
using Sse2 = Vector<Sse2First>;
using Native = Sse2;

#elif defined(__ARM_NEON) && defined(__aarch64__)

struct NeonFirst {
  static unsigned of(Mask16 mask) noexcept {
    // Narrowing by a shift of four leaves four bits of each byte of the mask: NEON's want of a movemask.
    const uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_s8(reinterpret_cast<int8x16_t>(mask)), 4);
    const uint64_t bits = vget_lane_u64(vreinterpret_u64_u8(nibbles), 0);
    return static_cast<unsigned>(std::countr_zero(bits)) / 4;
  }
};
using Neon = Vector<NeonFirst>;
using Native = Neon;

#else

using Native = Scalar;

#endif

}  // namespace uwsgiref::http::scan
