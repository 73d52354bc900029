using System;

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
        throw new RedisServerException(code, endpoint, command.ToString(), error, NextOf(code));
    }

    public static FailureCode CodeOf(string error)
    {
        if (StartsWith(error, "NOPERM"))
            return FailureCode.PermissionDenied;
        if (StartsWith(error, "NOAUTH") || StartsWith(error, "WRONGPASS") || Contains(error, "invalid password"))
            return FailureCode.AuthenticationFailed;
        if (Contains(error, "cluster support disabled"))
            return FailureCode.NotAClusterNode;
        return FailureCode.ServerError;
    }

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
        _ => null,
    };

    /// <summary>True if the node is not serving at the moment, but soon may be.</summary>
    public static bool IsTemporary(RespValue reply) =>
        reply.IsError && (StartsWith(reply.Text, "CLUSTERDOWN") || StartsWith(reply.Text, "LOADING"));

    /// <summary>True if the replicas did not confirm in time, so the command was not executed. Valkey 8 and later ask them first.</summary>
    public static bool IsUnconfirmed(RespValue reply) => reply.IsError && StartsWith(reply.Text, "NOREPLICAS");

    public static bool StartsWith(string error, string prefix) => error.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    public static bool Contains(string error, string part) => error.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0;
}
