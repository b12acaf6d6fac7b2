/*
 * mediasoup is written against a pre-release of libsrtp 3; this is that interface, as far as mediasoup uses it,
 * over the libsrtp2 of the system.
 */
#ifndef VOICEBOT_SRTP_BRIDGE_H
#define VOICEBOT_SRTP_BRIDGE_H

#include <srtp2/srtp.h>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace voicebot_srtp
{
	template<typename Function>
	inline srtp_err_status_t InPlace(Function function, srtp_t session, uint8_t* data, std::size_t* len)
	{
		if (*len > static_cast<std::size_t>(std::numeric_limits<int>::max()))
		{
			return srtp_err_status_bad_param;
		}

		int size = static_cast<int>(*len);
		const srtp_err_status_t status = function(session, data, &size);

		if (status == srtp_err_status_ok)
		{
			*len = static_cast<std::size_t>(size);
		}

		return status;
	}

	/* libsrtp2's own functions, named before the overloads below can hide them. */
	using Function = srtp_err_status_t (*)(srtp_t, void*, int*);
	constexpr Function Protect = &::srtp_protect;
	constexpr Function Unprotect = &::srtp_unprotect;
	constexpr Function ProtectRtcp = &::srtp_protect_rtcp;
	constexpr Function UnprotectRtcp = &::srtp_unprotect_rtcp;
} // namespace voicebot_srtp

inline srtp_err_status_t srtp_protect(srtp_t session, uint8_t* data, std::size_t* len)
{
	return voicebot_srtp::InPlace(voicebot_srtp::Protect, session, data, len);
}

inline srtp_err_status_t srtp_unprotect(srtp_t session, uint8_t* data, std::size_t* len)
{
	return voicebot_srtp::InPlace(voicebot_srtp::Unprotect, session, data, len);
}

inline srtp_err_status_t srtp_protect_rtcp(srtp_t session, uint8_t* data, std::size_t* len)
{
	return voicebot_srtp::InPlace(voicebot_srtp::ProtectRtcp, session, data, len);
}

inline srtp_err_status_t srtp_unprotect_rtcp(srtp_t session, uint8_t* data, std::size_t* len)
{
	return voicebot_srtp::InPlace(voicebot_srtp::UnprotectRtcp, session, data, len);
}

/* `ssrc` is in network order on both sides: mediasoup passes htonl(ssrc), libsrtp2 compares it as it lies in packets. */
inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

#endif
