using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Suppresses and restores cluster-allow-replica-migration: while it is yes, a master that loses its last slot becomes a replica of the new
/// owner.
/// </summary>
/// <remarks>If the user may not read or set it, or the server does not know it, slots move all the same.</remarks>
internal sealed class ReplicaMigrationSetting(ClusterReader reader, OperationLog? log, StopRequest stop)
{
    private const string Allowed = "yes";
    private const string Suppressed = "no";

    /// <summary>Sets it to no if it is yes.</summary>
    /// <param name="record">Records the change before it is made, and the restoration if the server refuses the change.</param>
    /// <returns>True if it was changed, so that it has to be restored.</returns>
    public async Task<bool> TrySuppressAsync(ClusterNode node, SettingRecord? record)
    {
        const string Otherwise = "without its last slot it may turn into a replica";
        return await TrySetAsync(node, Allowed, Suppressed, Otherwise, record?.Changing, record?.Unchanged).ConfigureAwait(false) == true;
    }

    /// <summary>Sets it to yes, its value before a run suppressed it. A value other than no is kept: it was changed since.</summary>
    /// <param name="record">Records that nothing is left to restore.</param>
    public async Task TryRestoreAsync(ClusterNode node, SettingRecord? record)
    {
        if (await TrySetAsync(node, Suppressed, Allowed, "it keeps the value of the run", null, null).ConfigureAwait(false) is not null)
            record?.Unchanged(node.Id);
    }

    /// <returns>True if it was changed, false if there was nothing to change, null if the server refused.</returns>
    private async Task<bool?> TrySetAsync(
        ClusterNode node, string from, string to, string otherwise, Action<string>? changing, Action<string>? unchanged)
    {
        const string Setting = SuppressReplicaMigration.Setting;
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var now = await connection.AskAsync(RespCommand.Of("CONFIG", "GET", Setting), stop.Abort).ConfigureAwait(false);
        // A server without the setting answers with an empty list.
        if (!now.IsError && (now.Items.Count != 2 || now.Items[1].Text != from))
            return false;
        var refusal = now;
        if (!now.IsError)
        {
            changing?.Invoke(node.Id);
            refusal = await connection.AskAsync(RespCommand.Of("CONFIG", "SET", Setting, to), stop.Abort).ConfigureAwait(false);
            if (!refusal.IsError)
                return true;
            unchanged?.Invoke(node.Id);
        }

        var why = Printable.Clean(refusal.Text, 120);
        log?.Warning(null, Setting + " of " + node.Name + " could not be set to " + to + " (" + why + "); " + otherwise + ".");
        return null;
    }
}

/// <summary>Where a run records which nodes have a changed setting, by node id.</summary>
/// <param name="Changing">Called before the setting is changed.</param>
/// <param name="Unchanged">Called once the setting has its old value.</param>
internal sealed record SettingRecord(Action<string> Changing, Action<string> Unchanged);
