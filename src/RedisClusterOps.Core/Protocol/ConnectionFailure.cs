using System;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;

namespace RedisClusterOps.Protocol;

/// <summary>Why a connection failed, in words a person on call can act on.</summary>
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

    /// <summary>The innermost message: the outer ones of the framework mostly say to look at it.</summary>
    public static string TextOf(Exception failure) => Printable.Clean(failure.GetBaseException().Message.TrimEnd('.'));

    public static string NoAnswerWithin(TimeSpan time) => "no answer within " + (time.TotalSeconds < 1
        ? time.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture) + " ms"
        : time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s");

    /// <summary>What may be wrong with an IPv6 address as it was written; empty where nothing looks so.</summary>
    public static string HintAt(NodeEndpoint endpoint)
    {
        var host = endpoint.Host;
        var last = host.LastIndexOf(':');
        if (last < 0)
            return string.Empty;
        if (host.IndexOf('%') is >= 0 and var zone)
            return " (is there an interface '" + Printable.Clean(host.Substring(zone + 1), 40) + "' on this machine?)";
        if (host.StartsWith("fe80:", StringComparison.OrdinalIgnoreCase))
            return " (an address of one link needs the interface too, as in fe80::1%eth0)";
        // ::1:7000 is an address; who wrote it, or copied it from CLUSTER NODES, mostly means another.
        var port = host.Substring(last + 1);
        return endpoint.Port == NodeEndpoint.DefaultPort && last > 0 && port.Length == 4 && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? " (a port behind an IPv6 address needs brackets: [" + host.Substring(0, host[last - 1] == ':' ? last + 1 : last) + "]:" + port + ")"
            : string.Empty;
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
