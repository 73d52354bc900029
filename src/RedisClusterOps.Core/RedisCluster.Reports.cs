using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <content>The slot map and the report.</content>
public sealed partial class RedisCluster
{
    /// <summary>Draws which master owns which slots.</summary>
    /// <param name="screen">What the map is drawn for.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    public async Task<RedisSlotMap> GetSlotMapAsync(ScreenTraits screen, CancellationToken cancellation) =>
        RedisSlotMap.Of(SlotChart.Of(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false)), screen, _session);

    /// <summary>
    /// Collects the content of a report from one reading of the cluster. A journal that can't be read is mentioned in the report.
    /// </summary>
    /// <param name="options">What to check.</param>
    /// <param name="watch">When a problem is an alert. The state file, if there is one, is only read.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">StateFileUnavailable: the state file belongs to another cluster.</exception>
    public async Task<ClusterReport> GetReportAsync(HealthOptions options, AlertOptions watch, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(CpuSampling.AllNodes, cancellation).ConfigureAwait(false);
        var earlier = AlertState.ReadOnly(watch.StatePath, view, _log).Observations;
        var health = await TestAsync(view, options, cancellation, watch.JournalPath).ConfigureAwait(false);
        var now = _reader.Clock.UtcNow;
        var calls = await MigrateCalls.ReadAsync(_reader, view, health.OpenSlots, cancellation).ConfigureAwait(false);
        var (alerts, _) = AlertCheck.Check(view, health, earlier, now, watch.StuckAfter, watch.MaxMovedPerSecond, calls);
        IReadOnlyList<RedisMigration> runs = [];
        string? trouble = null;
        try
        {
            runs = _history.On(view, watch.JournalPath);
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            trouble = unreadable.Message;
        }

        // Only after the alert check: the time of an observed change is not exact, unlike the journal's.
        var history = new ObservationHistory(earlier, now);
        health = health with { OpenSlots = health.OpenSlots.Select(history.Annotate).ToList() };
        return new ClusterReport(health, SlotChart.Of(view), runs, view.TakenAtUtc, trouble)
        {
            Alerts = alerts,
            StuckAfter = watch.StuckAfter,
            NextActionText = NextActionText,
        };
    }
}
