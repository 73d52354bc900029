using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Recovery;

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

/// <summary>
/// Suppresses replica migration on every master that an undo of many slots takes the last slot from: it was a master without slots before
/// the run that is undone, and stays a master.
/// </summary>
/// <param name="suppressed">Ids of nodes on which an interrupted run left it suppressed.</param>
internal sealed class ReplicaMigrationSuppression(
    ClusterReader reader,
    ClusterView view,
    IReadOnlyList<MasterPair> pairs,
    IReadOnlyCollection<string> suppressed,
    RunJournal? journal,
    OperationLog? log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _suppressed = new(suppressed, StringComparer.Ordinal);

    /// <summary>Changes the settings. The journal records each node before its setting is changed.</summary>
    public async Task SuppressAsync(StopRequest stop)
    {
        var setting = new ReplicaMigrationSetting(reader, log, stop);
        foreach (var source in pairs.GroupBy(pair => pair.Source.Id).Where(IsEmptied).Select(sources => sources.First()))
        {
            if (await setting.TrySuppressAsync(source.Source, RecordOf(source.Slots[0].Slot)).ConfigureAwait(false))
                _suppressed.Add(source.Source.Id);
        }
    }

    /// <summary>Restores the settings, also after a stop.</summary>
    public async Task RestoreAsync(StopRequest run)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var stop = run.IsRequested
            ? run.Extend(StopDeadlines.Settings, StopDeadlines.Settings)
            : new StopRequest(run.Clock, limit.Token);
        var reachable = _suppressed.Select(view.Node).Where(node => node is { IsReachable: true });
        await Task.WhenAll(reachable.Select(node => RestoreAsync(node!, stop))).ConfigureAwait(false);
    }

    private async Task RestoreAsync(ClusterNode node, StopRequest stop)
    {
        try
        {
            var slot = pairs.FirstOrDefault(pair => pair.Source.Id == node.Id && pair.Slots.Count > 0)
                ?? pairs.FirstOrDefault(pair => pair.Slots.Count > 0);
            var record = slot is null ? null : RecordOf(slot.Slots[0].Slot);
            await new ReplicaMigrationSetting(reader, log, stop).TryRestoreAsync(node, record).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            log?.Warning(null, node.Name + " was left with " + SuppressReplicaMigration.Setting + " no: " + failure.Message);
        }
    }

    private SettingRecord? RecordOf(int slot) => journal is null ? null : new SettingRecord(
        node => journal.SettingChanging(slot, node),
        node =>
        {
            if (journal.SettingRestored(slot, node) is { } warning)
                log?.Warning(null, warning);
        });

    private bool IsEmptied(IGrouping<string, MasterPair> source) =>
        view.SlotsOf(source.Key).Slots.All(new HashSet<int>(source.SelectMany(pair => pair.Slots).Select(slot => slot.Slot)).Contains);
}
