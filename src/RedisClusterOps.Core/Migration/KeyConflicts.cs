using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration;

/// <summary>Decides about keys that exist on both sides of an open slot.</summary>
/// <remarks>
/// The source owns the slot, so its copy is the one that clients read and write; the target's is hidden from everybody who does
/// not say ASKING. Equal copies are one key that has been copied already. Different ones are a person's decision, and whichever
/// value loses is written to a file before anything is overwritten.
/// </remarks>
internal sealed class KeyConflicts(SlotChannel channel, MoveKeys move, MoveOptions options, KeyTally tally, OperationLog? log, StopRequest stop, Func<byte[], Task> replace)
{
    private const int MostAttempts = 5;

    private string Slot => move.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Settles each of the keys: afterwards it is on the target alone.</summary>
    /// <exception cref="RedisOperationException">KeyExistsOnTarget: values differ, and nobody said which to keep.</exception>
    public async Task SettleAsync(IReadOnlyList<byte[]> keys)
    {
        foreach (var key in keys)
        {
            stop.ThrowIfRequested();
            await SettleAsync(key).ConfigureAwait(false);
        }
    }

    /// <summary>Saves the target's copies that a REPLACE of keys whose transfer broke would lose.</summary>
    /// <remarks>
    /// As a rule what the target has of them is what the broken transfer brought. But it may have been there before, and then it is
    /// the value of a conflict that nobody has seen yet.
    /// </remarks>
    public async Task SaveWhatDiffersAsync(IReadOnlyList<byte[]> keys)
    {
        foreach (var key in await channel.OnTargetAsync(keys).ConfigureAwait(false))
        {
            stop.ThrowIfRequested();
            var source = await channel.SourceAsync().ConfigureAwait(false);
            var target = await channel.TargetAsync().ConfigureAwait(false);
            // To read both copies of a huge value may take longer than to move it; that it was there before as well is taken for impossible then.
            var size = (await target.SendAsync([RespCommand.Of("ASKING"), RespCommand.Of("MEMORY", "USAGE", key)], null, stop.Abort).ConfigureAwait(false))[1];
            if (size.Integer > KeyValues.LargestComparedDump)
                continue;
            var mine = await KeyCopy.ReadAsync(source, key, asking: false, stop).ConfigureAwait(false);
            var theirs = await KeyCopy.ReadAsync(target, key, asking: true, stop).ConfigureAwait(false);
            if (mine is null || theirs is null || await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
                continue;
            tally.Conflicting++;
            Note(key, theirs, "target", await SaveAsync(key, theirs).ConfigureAwait(false));
        }
    }

    private async Task<bool> AreSameAsync(INodeConnection source, KeyCopy mine, INodeConnection target, KeyCopy theirs, byte[] key) =>
        mine.ExpiresWith(theirs) && await KeyValues.AreEqualAsync(source, mine, target, theirs, key, stop).ConfigureAwait(false);

    private async Task SettleAsync(byte[] key)
    {
        var source = await channel.SourceAsync().ConfigureAwait(false);
        var target = await channel.TargetAsync().ConfigureAwait(false);
        var mine = await KeyCopy.ReadAsync(source, key, asking: false, stop).ConfigureAwait(false);
        var theirs = await KeyCopy.ReadAsync(target, key, asking: true, stop).ConfigureAwait(false);
        // Expired or deleted since: the next listing goes without it.
        if (mine is null)
            return;
        if (theirs is not null && !await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
        {
            tally.Conflicting++;
            switch (options.OnKeyConflict)
            {
                case KeyConflictAction.KeepSource:
                    Note(key, theirs, "target", await SaveAsync(key, theirs).ConfigureAwait(false));
                    break;
                case KeyConflictAction.KeepTarget:
                    await DropSourceCopyAsync(source, key).ConfigureAwait(false);
                    return;
                default:
                    throw Undecided(key, mine, theirs);
            }
        }

        await replace(key).ConfigureAwait(false);
    }

    // Clients still write to the source's copy: it is deleted only in the very state in which it was saved.
    private async Task DropSourceCopyAsync(INodeConnection source, byte[] key)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var watch = RespCommand.Of("WATCH", key);
            var watched = await source.AskAsync(watch, stop.Abort).ConfigureAwait(false);
            // Gone since: a migrating source sends whoever asks for it to the target.
            if (watched.IsError && ServerErrors.StartsWith(watched.Text, "ASK "))
                return;
            watched.OrThrow(source.Endpoint, watch);
            if (await KeyCopy.ReadAsync(source, key, asking: false, stop).ConfigureAwait(false) is not { } copy)
            {
                await source.SendAsync(RespCommand.Of("UNWATCH"), stop.Abort).ConfigureAwait(false);
                return;
            }

            var path = await SaveAsync(key, copy).ConfigureAwait(false);
            var commands = new[] { RespCommand.Of("MULTI"), RespCommand.Of("DEL", key), RespCommand.Of("EXEC") };
            var replies = await source.SendAsync(commands, null, stop.Abort).ConfigureAwait(false);
            // EXECABORT: the key went away before it was deleted, so DEL was sent to the target.
            var gone = replies[2].IsError && ServerErrors.StartsWith(replies[2].Text, "EXECABORT") && ServerErrors.StartsWith(replies[1].Text, "ASK ");
            if (!gone && !replies[2].OrThrow(source.Endpoint, commands[2]).IsNull)
            {
                Note(key, copy, "source", path);
                return;
            }

            // Written in between: what was saved did not lose. Only after the answer, for without one it may have.
            File.Delete(path);
        }

        throw new RedisOperationException(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " is written on " + move.Source.Name + " so often that it could not be dropped there. Nothing was overwritten.",
            Slot,
            "Complete-RedisSlotMigration -Slot " + Slot + " -OnKeyConflict KeepTarget");
    }

    private async Task<string> SaveAsync(byte[] key, KeyCopy copy)
    {
        if (copy.Dump is null)
            throw CanNotSave("the server gives no dump of a " + copy.Type);
        var folder = Path.Combine(options.JournalPath ?? SavedValue.DefaultFolder, "conflicts");
        try
        {
            return await SavedValue.WriteAsync(
                folder, move.Slot, channel.Database, move.Target.View?.Facts.Engine ?? ServerEngine.Unknown, key, copy.Dump, copy.TimeToLive).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw CanNotSave(Printable.Clean(failure.Message));
        }

        RedisOperationException CanNotSave(string why) => new(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " differs on " + move.Source.Name + " and " + move.Target.Name + ", and the value that would lose can't be saved: "
                + why.TrimEnd('.') + ". Nothing was overwritten and the slot stays open.",
            Slot,
            "Complete-RedisSlotMigration -Slot " + Slot + " -OnKeyConflict " + options.OnKeyConflict + " -JournalPath <a folder that can be written>");
    }

    private void Note(byte[] key, KeyCopy copy, string side, string path)
    {
        var note = string.Format(
            CultureInfo.InvariantCulture,
            "Slot {0}: key {1} differed; the {2}'s value ({3}) lost and is saved. To put it back: {4}",
            Slot, Printable.Quote(key), side, copy, SavedValue.RestoreCommand(move.Target, path));
        tally.Notes.Add(note);
        log?.Warning(move.Slot, note);
    }

    private RedisOperationException Undecided(byte[] key, KeyCopy mine, KeyCopy theirs) => new(
        FailureCode.KeyExistsOnTarget,
        string.Format(
            CultureInfo.InvariantCulture,
            "Slot {0}: key {1} holds different values: on {2} (source, in use) {3}; on {4} (target, hidden) {5}. Nothing was overwritten and the slot stays open.",
            Slot, Printable.Quote(key), move.Source.Name, mine, move.Target.Name, theirs),
        Slot,
        "Complete-RedisSlotMigration -Slot " + Slot + " -OnKeyConflict KeepSource   (or KeepTarget; the value that loses is saved to a file first)");
}
