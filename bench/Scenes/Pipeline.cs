using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

internal static class Pipeline
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Sends all at once; an error among the replies is thrown.</summary>
    public static async Task<IReadOnlyList<RespValue>> PipelineAsync(
        this INodeConnection connection, IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        if (commands.Count == 0)
            return [];
        var replies = await connection.SendAsync(commands, Patience, cancellation);
        for (var i = 0; i < replies.Count; i++)
            replies[i].OrThrow(connection.Endpoint, commands[i]);
        return replies;
    }
}
