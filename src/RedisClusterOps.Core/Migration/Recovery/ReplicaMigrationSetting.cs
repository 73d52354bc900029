using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>Suppresses and restores cluster-allow-replica-migration, by which a master that loses its last slot becomes a replica of the new owner.</summary>
/// <remarks>If the user may not read or set it, or the server does not know it, slots move all the same.</remarks>
internal sealed class ReplicaMigrationSetting(ClusterReader reader, OperationLog? log, StopRequest stop)
{
    private const string Allowed = "yes";
    private const string Suppressed = "no";

    /// <summary>Sets it to no, if it is yes.</summary>
    /// <param name="record">Records the change before it is made, and takes the record back if the server refuses the change.</param>
    /// <returns>True if it was changed, and so is to be restored.</returns>
    public async Task<bool> TrySuppressAsync(ClusterNode node, SettingRecord? record) =>
        await TrySetAsync(node, Allowed, Suppressed, "without its last slot it may turn into a replica", record?.Changing, record?.Unchanged).ConfigureAwait(false) == true;

    /// <summary>Sets it to yes, the value that it had before a run suppressed it. Another value than no stays: it was changed since.</summary>
    /// <param name="record">Records that nothing is left to restore.</param>
    public async Task TryRestoreAsync(ClusterNode node, SettingRecord? record)
    {
        if (await TrySetAsync(node, Suppressed, Allowed, "it keeps the value of the run", null, null).ConfigureAwait(false) is not null)
            record?.Unchanged(node.Id);
    }

    /// <returns>True if it was changed, false if there was nothing to change, null if the server refused.</returns>
    private async Task<bool?> TrySetAsync(ClusterNode node, string from, string to, string otherwise, Action<string>? changing, Action<string>? unchanged)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var now = await connection.AskAsync(RespCommand.Of("CONFIG", "GET", SuppressReplicaMigration.Setting), stop.Abort).ConfigureAwait(false);
        // A server without the setting answers with an empty list.
        if (!now.IsError && (now.Items.Count != 2 || now.Items[1].Text != from))
            return false;
        var refusal = now;
        if (!now.IsError)
        {
            changing?.Invoke(node.Id);
            refusal = await connection.AskAsync(RespCommand.Of("CONFIG", "SET", SuppressReplicaMigration.Setting, to), stop.Abort).ConfigureAwait(false);
            if (!refusal.IsError)
                return true;
            unchanged?.Invoke(node.Id);
        }

        log?.Warning(null, SuppressReplicaMigration.Setting + " of " + node.Name + " could not be set to " + to + " (" + Printable.Clean(refusal.Text, 120) + "); " + otherwise + ".");
        return null;
    }
}

/// <summary>Where a run records which nodes have a changed setting, by node id.</summary>
/// <param name="Changing">Called before the setting is changed.</param>
/// <param name="Unchanged">Called once the setting has its old value.</param>
internal sealed record SettingRecord(Action<string> Changing, Action<string> Unchanged);
