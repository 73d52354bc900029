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
        FailureCode.PermissionDenied => "ACL WHOAMI and ACL GETUSER on that node show what the user may do; connect as another user with Connect-RedisCluster -Credential",
        FailureCode.AuthenticationFailed => "Connect-RedisCluster -Endpoint <host:port> -Credential (Get-Credential)",
        FailureCode.NotAClusterNode => "Connect-RedisCluster -Endpoint <a node of the cluster>",
        _ => null,
    };

    /// <summary>Valkey 8 and later first tell their replicas. Where those do not confirm in time the command was not carried out.</summary>
    public static bool IsUnconfirmed(RespValue reply) => reply.IsError && StartsWith(reply.Text, "NOREPLICAS");

    public static bool StartsWith(string error, string prefix) => error.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    public static bool Contains(string error, string part) => error.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0;
}
