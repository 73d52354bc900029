using System;

namespace RedisClusterOps.Protocol;

/// <summary>What a server's error text means. Matched on meaning: Redis and Valkey word some of them differently.</summary>
internal static class ServerErrors
{
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

    /// <summary>Valkey 8 and later first tell their replicas. Where those do not confirm in time the command was not carried out.</summary>
    public static bool IsUnconfirmed(RespValue reply) => reply.IsError && StartsWith(reply.Text, "NOREPLICAS");

    public static bool StartsWith(string error, string prefix) => error.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    public static bool Contains(string error, string part) => error.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0;
}
