using System;
using System.Linq;

namespace RedisClusterOps.Protocol;

/// <summary>Interprets error replies. It matches parts of the text, because Redis and Valkey word some errors differently.</summary>
internal static class ServerErrors
{
    /// <summary>Returns the reply if it is not an error; otherwise throws.</summary>
    /// <exception cref="RedisServerException">The reply is an error.</exception>
    public static RespValue OrThrow(this RespValue reply, NodeEndpoint endpoint, RespCommand command)
    {
        if (!reply.IsError)
            return reply;
        var error = reply.Text;
        var code = CodeOf(error);
        throw new RedisServerException(code, endpoint, command.ToString(), error, NextOf(code, endpoint, error));
    }

    public static FailureCode CodeOf(string error)
    {
        if (StartsWith(error, "NOPERM"))
            return FailureCode.PermissionDenied;
        if (StartsWith(error, "NOAUTH") || StartsWith(error, "WRONGPASS") || Contains(error, "invalid password"))
            return FailureCode.AuthenticationFailed;
        if (Contains(error, "cluster support disabled"))
            return FailureCode.NotAClusterNode;
        // BUSYKEY and BUSYGROUP are about a key.
        if (StartsWith(error, "BUSY "))
            return FailureCode.NodeBusy;
        if (StartsWith(error, "LOADING"))
            return FailureCode.NodeLoading;
        if (Contains(error, "max number of clients"))
            return FailureCode.TooManyClients;
        if (WriteRefusals.Any(refusal => StartsWith(error, refusal)))
            return FailureCode.WritesRefused;
        return FailureCode.ServerError;
    }

    private static readonly string[] WriteRefusals = ["MISCONF", "NOREPLICAS", "OOM ", "READONLY"];

    /// <summary>
    /// True if the node answered, although it refused: it is alive, whatever this machine can read from it. False if nothing arrived, or
    /// another node answered in its place.
    /// </summary>
    public static bool IsAnswer(RedisOperationException failure) => failure switch
    {
        RedisConnectionException { Code: FailureCode.ConnectionFailed } lost => lost.IsRefusal || IsObjection(lost.InnerException),
        _ => failure.Code is not (FailureCode.NodeUnreachable or FailureCode.ConnectionFailed),
    };

    // A certificate for another name, for instance: the node is there, but at another name than it announces.
    private static bool IsObjection(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            if (cause is HandshakeException { IsAnswer: true })
                return true;
        }

        return false;
    }

    /// <summary>What to do next after an error of one node; null if the error does not determine it.</summary>
    public static NextAction? NextOf(FailureCode code, NodeEndpoint endpoint, string error) => code switch
    {
        FailureCode.NodeBusy when Contains(error, "FUNCTION KILL") => StopCode(NextActionCode.StopFunction, endpoint, "function"),
        FailureCode.NodeBusy when Contains(error, "SCRIPT KILL") => StopCode(NextActionCode.StopScript, endpoint, "script"),
        FailureCode.WritesRefused => NextAction.Advise("on " + endpoint + ": " + CureOfRefusedWrites(error)),
        _ => NextOf(code),
    };

    private static NextAction StopCode(NextActionCode code, NodeEndpoint endpoint, string what) => new(code)
    {
        Node = endpoint.ToString(),
        Note = "works while the " + what + " has written nothing; otherwise wait until it ends",
    };

    private static string CureOfRefusedWrites(string error) =>
        StartsWith(error, "MISCONF") ? "its last save to disk failed; see its log, and free disk space or permit the folder"
        : StartsWith(error, "NOREPLICAS") ? "restart its replicas, or lower min-replicas-to-write"
        : StartsWith(error, "OOM") ? "raise maxmemory, or delete keys"
        : "it is a replica now; list the nodes again";

    /// <summary>What to do next after a failure that a server error causes; null if the code does not determine it.</summary>
    public static NextAction? NextOf(FailureCode code) => code switch
    {
        FailureCode.PermissionDenied => new NextAction(NextActionCode.Advice)
        {
            Note = "ACL WHOAMI and ACL GETUSER on that node show the user's rights",
            Or = new NextAction(NextActionCode.Connect) { Options = NextActionOptions.Credential },
        },
        FailureCode.AuthenticationFailed =>
            new NextAction(NextActionCode.Connect) { Node = "<host:port>", Options = NextActionOptions.Credential },
        FailureCode.NotAClusterNode => new NextAction(NextActionCode.Connect) { Node = "<a node of the cluster>" },
        FailureCode.NodeBusy => NextAction.Advise("wait until its script, function or module command ends"),
        FailureCode.NodeLoading =>
            NextAction.Advise("wait until it has loaded its data, which INFO persistence shows (loading_eta_seconds)"),
        FailureCode.TooManyClients =>
            NextAction.Advise("on that node: close idle clients, or raise maxclients from a connection that is still open"),
        _ => null,
    };

    /// <summary>True if the node is not serving at the moment, but soon may be.</summary>
    public static bool IsTemporary(RespValue reply) =>
        reply.IsError && (StartsWith(reply.Text, "CLUSTERDOWN") || StartsWith(reply.Text, "LOADING"));

    /// <summary>True if the node does not serve the slot of the key, or not all of its keys.</summary>
    public static bool IsRedirect(RespValue reply) =>
        reply.IsError && (StartsWith(reply.Text, "ASK ") || StartsWith(reply.Text, "MOVED ") || StartsWith(reply.Text, "TRYAGAIN"));

    /// <summary>True if the replicas did not confirm in time, so the command was not executed. Valkey 8 and later ask them first.</summary>
    public static bool IsUnconfirmed(RespValue reply) => reply.IsError && StartsWith(reply.Text, "NOREPLICAS");

    public static bool StartsWith(string error, string prefix) => error.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    public static bool Contains(string error, string part) => error.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0;
}
