using System;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;

namespace RedisClusterOps.Protocol;

/// <summary>Says why a connection failed.</summary>
internal static class ConnectionFailure
{
    public static string ReasonOf(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException socket)
                return ReasonOf(socket);
            if (cause is AuthenticationException)
                return cause.Message;
        }

        return failure is EndOfStreamException or ObjectDisposedException ? "the connection was closed" : TextOf(failure);
    }

    /// <summary>The innermost message. The outer messages of the framework mostly refer to the inner exception.</summary>
    public static string TextOf(Exception failure) => Printable.Clean(failure.GetBaseException().Message.TrimEnd('.'));

    /// <summary>The text for a timeout.</summary>
    public static string NoAnswerWithin(TimeSpan time) => "no answer within " + (time.TotalSeconds < 1
        ? time.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture) + " ms"
        : time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s");

    /// <summary>A hint at a mistyped IPv6 address; empty if nothing looks wrong.</summary>
    public static string HintAt(NodeEndpoint endpoint)
    {
        var host = endpoint.Host;
        var last = host.LastIndexOf(':');
        if (last < 0)
            return string.Empty;
        if (host.IndexOf('%') is >= 0 and var zone)
            return " (is there an interface '" + Printable.Clean(host.Substring(zone + 1), 40) + "' on this machine?)";
        if (host.StartsWith("fe80:", StringComparison.OrdinalIgnoreCase))
            return " (a link-local address requires an interface, as in fe80::1%eth0)";

        // ::1:7000 is a valid address, but it mostly means ::1 and port 7000, as CLUSTER NODES writes them.
        var port = host.Substring(last + 1);
        var looksLikePort = port.Length == 4 && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        if (endpoint.Port != NodeEndpoint.DefaultPort || last == 0 || !looksLikePort)
            return string.Empty;
        var address = host.Substring(0, host[last - 1] == ':' ? last + 1 : last);
        return " (an IPv6 address before a port requires brackets: [" + address + "]:" + port + ")";
    }

    private static string ReasonOf(SocketException failure) => failure.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostNotFound or SocketError.NoData => "host name not found",
        SocketError.TryAgain => "host name not found (the name server does not answer)",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown => "no route to the host",
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown => "the connection was reset",
        SocketError.TimedOut => "no answer",
        SocketError.AccessDenied => "this machine does not allow the connection",
        _ => TextOf(failure),
    };
}
