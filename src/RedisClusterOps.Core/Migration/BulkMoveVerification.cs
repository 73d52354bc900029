using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;

namespace RedisClusterOps.Migration;

/// <summary>
/// Verifies the slots that a bulk move has handed over, and reports each as soon as every node agrees on its owner and its keys are there.
/// </summary>
internal sealed class BulkMoveVerification
{
    private readonly OwnershipVerifier _verifier;
    private readonly Dictionary<MasterPair, KeyAccount> _accounts;
    private readonly BulkMoveResults _results;
    private readonly StopRequest _stop;
    private readonly object _lock = new();
    private List<(MasterPair Pair, IReadOnlyList<SlotMove> Slots)> _verified = [];

    public BulkMoveVerification(
        ClusterReader reader, ClusterView view, IReadOnlyList<MasterPair> pairs, BulkMoveResults results, StopRequest stop)
    {
        _verifier = new OwnershipVerifier(reader, view, stop) { Verified = AddVerified };
        _accounts = pairs.ToDictionary(pair => pair, pair => new KeyAccount(reader, pair));
        (_results, _stop) = (results, stop);
    }

    /// <summary>Adds slots that were handed over.</summary>
    public void Add(MasterPair pair, IReadOnlyList<SlotMove> slots) => _verifier.Add(pair, slots);

    /// <summary>Reads whether clients use the source, before the servers move its slots.</summary>
    public Task OpenAccountAsync(MasterPair pair) => _accounts[pair].OpenAsync(_stop.Abort);

    /// <summary>Verifies the waiting slots once, unless that is in progress or was done a moment ago.</summary>
    public async Task VerifyDueAsync()
    {
        await _verifier.VerifyDueAsync().ConfigureAwait(false);
        await SettleAsync(_stop.Abort).ConfigureAwait(false);
    }

    /// <summary>Verifies the rest until all nodes agree, and counts once more where the target has evicted keys since.</summary>
    public async Task FinishAsync(CancellationToken stopping)
    {
        await FinishOwnersAsync(stopping).ConfigureAwait(false);
        if (stopping.IsCancellationRequested)
            return;
        foreach (var pair in _accounts)
            _results.ReportLost(pair.Key, await pair.Value.CloseAsync(_stop.Abort).ConfigureAwait(false));
    }

    private async Task FinishOwnersAsync(CancellationToken stopping)
    {
        using var limit = _stop.Extend(StopDeadlines.Verify, StopDeadlines.Verify);
        try
        {
            var abort = stopping.IsCancellationRequested ? limit.Abort : _stop.Abort;
            IReadOnlyList<OwnershipVerifier.Disagreement> left;
            try
            {
                left = await _verifier.FinishAsync(abort).ConfigureAwait(false);
            }
            finally
            {
                await SettleAsync(abort).ConfigureAwait(false);
            }

            _results.Report(left.Select(each => _results.Unverified(each.Pair, each.Slot, "not every node agrees: " + each.Objection)));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            const string But = "the run was stopped before every node was asked";
            _results.Report(_verifier.Waiting.Select(each => _results.Unverified(each.Pair, each.Slot, But)));
        }
    }

    private void AddVerified(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        lock (_lock)
            _verified.Add((pair, slots));
    }

    // Every node agrees on the owner of these slots. What is left is whether their keys are there.
    private async Task SettleAsync(CancellationToken abort)
    {
        List<(MasterPair Pair, IReadOnlyList<SlotMove> Slots)> verified;
        lock (_lock)
            (verified, _verified) = (_verified, []);
        foreach (var (pair, slots) in verified)
        {
            var accounts = await _accounts[pair].SettleAsync(slots, abort).ConfigureAwait(false);
            _results.Report(accounts.Select(account => _results.Settled(pair, account)));
        }
    }
}
