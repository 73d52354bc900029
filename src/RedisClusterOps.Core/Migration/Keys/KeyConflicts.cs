using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Decides about keys that exist on both sides of a move.</summary>
/// <remarks>
/// Only one of the two copies is the one that clients read and write: the source's while a slot migrates, the target's of a reverse move;
/// the other is hidden from everybody who does not say ASKING. Equal copies are one key that has been copied already. Different ones
/// are a person's decision, and whichever value loses is written to a file before anything is overwritten.
/// </remarks>
internal sealed class KeyConflicts(SlotChannel channel, MoveKeys move, MoveOptions options, KeyTally tally, OperationLog? log, StopRequest stop, Func<byte[], bool, Task> send)
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
            var (source, target) = (await channel.SourceSideAsync().ConfigureAwait(false), await channel.TargetSideAsync().ConfigureAwait(false));
            // To read both copies of a huge value may take longer than to move it; that it was there before as well is taken for impossible then.
            var size = (await target.Connection.SendAsync([RespCommand.Of("ASKING"), RespCommand.Of("MEMORY", "USAGE", key)], null, stop.Abort).ConfigureAwait(false))[1];
            if (size.Integer > KeyValues.LargestComparedDump)
                continue;
            var mine = await KeyCopy.ReadAsync(source, key, stop).ConfigureAwait(false);
            var theirs = await KeyCopy.ReadAsync(target, key, stop).ConfigureAwait(false);
            if (mine is null || theirs is null || await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
                continue;
            tally.Conflicting++;
            Note(key, theirs, "target", await SaveAsync(key, theirs).ConfigureAwait(false));
        }
    }

    private async Task<bool> AreSameAsync(SlotSide source, KeyCopy mine, SlotSide target, KeyCopy theirs, byte[] key) =>
        mine.ExpiresWith(theirs) && await KeyValues.AreEqualAsync(source, mine, target, theirs, key, stop).ConfigureAwait(false);

    private async Task SettleAsync(byte[] key)
    {
        var (source, target) = (await channel.SourceSideAsync().ConfigureAwait(false), await channel.TargetSideAsync().ConfigureAwait(false));
        var mine = await KeyCopy.ReadAsync(source, key, stop).ConfigureAwait(false);
        var theirs = await KeyCopy.ReadAsync(target, key, stop).ConfigureAwait(false);
        // Expired or deleted since: the next listing goes without it.
        if (mine is null)
            return;
        if (theirs is null || await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
        {
            await SettleSameAsync(source, key, mine, isThere: theirs is not null).ConfigureAwait(false);
            return;
        }

        tally.Conflicting++;
        switch (move.OnConflict)
        {
            case KeyConflictAction.KeepSource when move.IsReverse:
                await DropAsync(target, "target", key, null).ConfigureAwait(false);
                await send(key, false).ConfigureAwait(false);
                break;
            case KeyConflictAction.KeepSource:
                Note(key, theirs, "target", await SaveAsync(key, theirs).ConfigureAwait(false));
                await send(key, true).ConfigureAwait(false);
                break;
            case KeyConflictAction.KeepTarget:
                await DropAsync(source, "source", key, null).ConfigureAwait(false);
                break;
            default:
                throw Undecided(key, mine, theirs);
        }
    }

    // The hidden copy gives way to the one in use: overwritten on a target that imports, deleted on a source that does.
    private async Task SettleSameAsync(SlotSide source, byte[] key, KeyCopy mine, bool isThere)
    {
        if (!move.IsReverse)
            await send(key, true).ConfigureAwait(false);
        else if (isThere)
            await DropAsync(source, "source", key, mine).ConfigureAwait(false);
    }

    /// <summary>Deletes one side's copy in exactly the state in which it was saved: clients may still write to it.</summary>
    /// <param name="compared">The copy that was found to equal the other side's, so that nothing has to be saved; null if this copy loses.</param>
    private async Task DropAsync(SlotSide side, string name, byte[] key, KeyCopy? compared)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var watched = (await SendAsync(side, RespCommand.Of("WATCH", key)).ConfigureAwait(false))[0];
            // Gone meanwhile: a migrating source redirects to the target.
            if (watched.IsError && ServerErrors.StartsWith(watched.Text, "ASK "))
                return;
            watched.OrThrow(side.Connection.Endpoint, RespCommand.Of("WATCH", key));
            var copy = await KeyCopy.ReadAsync(side, key, stop).ConfigureAwait(false);
            // Gone, or not what was compared any more: it is compared again later.
            if (copy is null || (compared is not null && !KeyBytes.Comparer.Equals(copy.Dump, compared.Dump)))
            {
                await side.Connection.SendAsync(RespCommand.Of("UNWATCH"), stop.Abort).ConfigureAwait(false);
                return;
            }

            var path = compared is null ? await SaveAsync(key, copy).ConfigureAwait(false) : null;
            var replies = await SendAsync(side, RespCommand.Of("MULTI"), RespCommand.Of("DEL", key), RespCommand.Of("EXEC")).ConfigureAwait(false);
            // EXECABORT: the key went away before it was deleted, so DEL was sent to the target.
            var gone = replies[2].IsError && ServerErrors.StartsWith(replies[2].Text, "EXECABORT") && ServerErrors.StartsWith(replies[1].Text, "ASK ");
            if (!gone && !replies[2].OrThrow(side.Connection.Endpoint, RespCommand.Of("EXEC")).IsNull)
            {
                if (path is not null)
                    Note(key, copy, name, path);
                return;
            }

            // The key was written meanwhile, so the saved value is not the one that loses. Deleted only after the answer: without one it may be.
            if (path is not null)
                Discard(path);
        }

        throw new RedisOperationException(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " is written on " + (name == "source" ? move.Source.Name : move.Target.Name) + " so often that it could not be dropped there. Nothing was overwritten.",
            Slot,
            move.Again with { OnKeyConflict = options.OnKeyConflict });
    }

    // One ASKING is good for what follows up to EXEC: a transaction that has begun keeps it.
    private async Task<IReadOnlyList<RespValue>> SendAsync(SlotSide side, params RespCommand[] commands)
    {
        RespCommand[] sent = side.Asks ? [RespCommand.Of("ASKING"), .. commands] : commands;
        var replies = await side.Connection.SendAsync(sent, null, stop.Abort).ConfigureAwait(false);
        return side.Asks ? [.. replies.Skip(1)] : replies;
    }

    private async Task<string> SaveAsync(byte[] key, KeyCopy copy)
    {
        if (copy.Dump is null)
            throw CanNotSave("the server gives no dump of a " + copy.Type);
        try
        {
            return await SavedValue.WriteAsync(
                JournalFolder.At(options.JournalPath), move.Slot, channel.Database, move.Target.View?.Facts.Engine ?? ServerEngine.Unknown, key, copy.Dump, copy.TimeToLive).ConfigureAwait(false);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure) || failure is RedisOperationException { Code: FailureCode.JournalUnavailable })
        {
            throw CanNotSave(Printable.Clean(failure.Message));
        }

        RedisOperationException CanNotSave(string why) => new(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " differs on " + move.Source.Name + " and " + move.Target.Name + ", and the value that would lose can't be saved: "
                + why.TrimEnd('.') + ". Nothing was overwritten and the slot stays open.",
            Slot,
            move.Again with { OnKeyConflict = options.OnKeyConflict, JournalPath = "<a folder that can be written>" });
    }

    private void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            // The key is safe: its present value is saved by the next attempt. With the folder gone, so is the file.
            if (failure is not (FileNotFoundException or DirectoryNotFoundException))
                log?.Warning(move.Slot, "Slot " + Slot + ": the saved value '" + Printable.Clean(path) + "' is outdated and could not be deleted: " + Printable.Clean(failure.Message).TrimEnd('.') + ". Do not restore it.");
        }
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
            "Slot {0}: key {1} holds different values: on {2} ({6}) {3}; on {4} ({7}) {5}. Nothing was overwritten and the slot stays open.",
            Slot, Printable.Quote(key), move.Source.Name, mine, move.Target.Name, theirs, move.IsReverse ? "hidden" : "source, in use", move.IsReverse ? "in use" : "target, hidden"),
        Slot,
        move.Again with
        {
            OnKeyConflict = move.KeepsInUse,
            Note = "or " + (move.KeepsInUse == KeyConflictAction.KeepSource ? KeyConflictAction.KeepTarget : KeyConflictAction.KeepSource)
                + "; the value that loses is saved to a file first",
        });
}
