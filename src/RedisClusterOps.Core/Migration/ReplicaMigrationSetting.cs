using System;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Whether a master that gives its last slot away follows the new owner as a replica. Where the user may not set that, or the server knows no such setting, slots move all the same.</summary>
internal sealed class Following(ClusterReader reader, OperationLog? log, StopRequest stop)
{
    /// <summary>It stays a master.</summary>
    /// <param name="before">Told its id before anything is set.</param>
    /// <returns>True where that had to be set, and so is to be taken back.</returns>
    public Task<bool> TryEndAsync(ClusterNode node, Action<string>? before) => TrySetAsync(node, "yes", "no", before);

    /// <summary>As it was before.</summary>
    public Task TryAllowAsync(ClusterNode node) => TrySetAsync(node, "no", "yes", null);

    private async Task<bool> TrySetAsync(ClusterNode node, string from, string to, Action<string>? before)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var now = await connection.AskAsync(RespCommand.Of("CONFIG", "GET", KeepMaster.Setting), stop.Abort).ConfigureAwait(false);
        if (!now.IsError && now.Items.Count == 2 && now.Items[1].Text != from)
            return false;
        before?.Invoke(node.Id);
        var set = now.IsError || now.Items.Count < 2 ? now : await connection.AskAsync(RespCommand.Of("CONFIG", "SET", KeepMaster.Setting, to), stop.Abort).ConfigureAwait(false);
        if (set.IsError)
            log?.Warning(null, KeepMaster.Setting + " of " + node.Name + " could not be set to " + to + " (" + Printable.Clean(set.Text, 120) + "); without its last slot it may turn into a replica.");
        return set is { IsError: false, IsNull: false } && now.Items.Count == 2;
    }
}
