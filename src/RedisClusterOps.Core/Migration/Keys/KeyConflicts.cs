using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Resolves keys that exist on both sides of a move.</summary>
/// <remarks>
/// Clients read and write only one of the two copies: the source's while a slot migrates, the target's in a reverse move. The other copy is
/// hidden from clients that do not send ASKING. Equal copies are one key that was already copied. Different copies need the operator's
/// decision, and the losing value is written to a file before anything is overwritten.
/// </remarks>
internal sealed class KeyConflicts(
    SlotChannel channel,
    MoveKeys move,
    MoveOptions options,
    KeyTally tally,
    OperationLog? log,
    StopRequest stop,
    Func<byte[], bool, Task> send)
{
    private const int MostAttempts = 5;
    private const long LargestComparedCopy = 64 * 1024 * 1024;

    private string Slot => move.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Resolves each of the keys. Afterwards only the target has it.</summary>
    /// <exception cref="RedisOperationException">KeyExistsOnTarget: the values differ, and the options do not say which one to
    /// keep.</exception>
    public async Task SettleAsync(IReadOnlyList<byte[]> keys)
    {
        foreach (var key in keys)
        {
            stop.ThrowIfRequested();
            await SettleAsync(key).ConfigureAwait(false);
        }
    }

    /// <summary>Saves the target's values that a REPLACE would lose, for keys whose transfer broke.</summary>
    /// <remarks>
    /// Usually the target has the copies that the broken transfer delivered. A copy that was there before is a conflict that has not been
    /// reported.
    /// </remarks>
    public async Task SaveWhatDiffersAsync(IReadOnlyList<byte[]> keys)
    {
        foreach (var key in await channel.OnTargetAsync(keys).ConfigureAwait(false))
        {
            stop.ThrowIfRequested();
            var source = await channel.SourceSideAsync().ConfigureAwait(false);
            var target = await channel.TargetSideAsync().ConfigureAwait(false);
            // Reading both copies of a huge value may take longer than moving it. A huge copy is assumed to come from the broken transfer.
            if (await KeyCopy.MemoryAsync(target, key, stop).ConfigureAwait(false) > LargestComparedCopy)
                continue;
            var mine = await KeyCopy.ReadAsync(source, key, stop).ConfigureAwait(false);
            var theirs = await KeyCopy.ReadAsync(target, key, stop).ConfigureAwait(false);
            if (mine is null || theirs is null || await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
                continue;
            tally.Conflicting++;
            Note(key, theirs, isSource: false, await SaveAsync(target, key, theirs).ConfigureAwait(false));
        }
    }

    private async Task<bool> AreSameAsync(SlotSide source, KeyCopy mine, SlotSide target, KeyCopy theirs, byte[] key) =>
        mine.ExpiresWith(theirs) && await KeyValues.AreEqualAsync(source, mine, target, theirs, key, stop).ConfigureAwait(false);

    private async Task SettleAsync(byte[] key)
    {
        var source = await channel.SourceSideAsync().ConfigureAwait(false);
        var target = await channel.TargetSideAsync().ConfigureAwait(false);
        var mine = await KeyCopy.ReadAsync(source, key, stop).ConfigureAwait(false);
        var theirs = await KeyCopy.ReadAsync(target, key, stop).ConfigureAwait(false);
        // It expired or was deleted since, so the next listing does not contain it.
        if (mine is null)
            return;
        if (theirs is null || await AreSameAsync(source, mine, target, theirs, key).ConfigureAwait(false))
        {
            await SettleSameAsync(source, mine, target, theirs, key).ConfigureAwait(false);
            return;
        }

        tally.Conflicting++;
        switch (move.OnConflict)
        {
            case KeyConflictAction.KeepOther when move.IsReverse:
                await DropAsync(target, isSource: false, key, null).ConfigureAwait(false);
                await send(key, false).ConfigureAwait(false);
                break;
            case KeyConflictAction.KeepInUse when !move.IsReverse:
                Note(key, theirs, isSource: false, await SaveAsync(target, key, theirs).ConfigureAwait(false));
                await send(key, true).ConfigureAwait(false);
                break;
            case KeyConflictAction.KeepInUse or KeyConflictAction.KeepOther:
                await DropAsync(source, isSource: true, key, null).ConfigureAwait(false);
                break;
            default:
                throw Undecided(key, mine, theirs);
        }
    }

    // The hidden copy is removed: overwritten on an importing target, deleted on an importing source.
    private async Task SettleSameAsync(SlotSide source, KeyCopy mine, SlotSide target, KeyCopy? theirs, byte[] key)
    {
        if (!move.IsReverse)
            await send(key, true).ConfigureAwait(false);
        else if (theirs is not null)
            await DropAsync(source, isSource: true, key, IsUnchangedAsync).ConfigureAwait(false);

        // A large value has no dump, and reading a hash table may change the order of its dump. The members decide then, while the copy
        // is watched.
        async Task<bool> IsUnchangedAsync(KeyCopy now) => (now.Dump is not null && KeyBytes.Comparer.Equals(now.Dump, mine.Dump))
            || await AreSameAsync(source, now, target, theirs, key).ConfigureAwait(false);
    }

    /// <summary>Deletes the copy of one side in exactly the state in which it was saved: clients may still write to it.</summary>
    /// <param name="isUnchanged">Whether the copy still equals the other side's, so that nothing has to be saved; null if this copy loses
    /// a conflict.</param>
    private async Task DropAsync(SlotSide side, bool isSource, byte[] key, Func<KeyCopy, Task<bool>>? isUnchanged)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var watched = (await SendAsync(side, RespCommand.Of("WATCH", key)).ConfigureAwait(false))[0];
            // It has moved since: a migrating source redirects to the target.
            if (watched.IsError && ServerErrors.StartsWith(watched.Text, "ASK "))
                return;
            watched.OrThrow(side.Connection.Endpoint, RespCommand.Of("WATCH", key));
            var copy = await KeyCopy.ReadAsync(side, key, stop).ConfigureAwait(false);
            // It was removed, or has changed since the comparison: then it is compared again later.
            if (copy is null || (isUnchanged is not null && !await isUnchanged(copy).ConfigureAwait(false)))
            {
                await side.Connection.SendAsync(RespCommand.Of("UNWATCH"), stop.Abort).ConfigureAwait(false);
                return;
            }

            var path = isUnchanged is null ? await SaveAsync(side, key, copy).ConfigureAwait(false) : null;
            RespCommand[] deletion = [Transaction.Begin, RespCommand.Of("DEL", key), Transaction.Execute];
            var replies = await SendAsync(side, deletion).ConfigureAwait(false);
            // EXECABORT: the key moved before it was deleted, so DEL was redirected to the target.
            var hasMoved = replies[2].IsError && ServerErrors.StartsWith(replies[2].Text, "EXECABORT")
                && ServerErrors.StartsWith(replies[1].Text, "ASK ");
            if (!hasMoved && !replies[2].OrThrow(side.Connection.Endpoint, Transaction.Execute).IsNull)
            {
                if (path is not null)
                    Note(key, copy, isSource, path);
                return;
            }

            // The key was written in between, so the saved value is not the one that loses. It is deleted only after a reply: without a
            // reply it may be.
            if (path is not null)
                Discard(path);
        }

        throw new RedisOperationException(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " on " + (isSource ? move.Source.Name : move.Target.Name)
                + " kept changing and could not be deleted safely after " + MostAttempts.ToString(CultureInfo.InvariantCulture)
                + " attempts. Nothing was overwritten.",
            Slot,
            move.Again with { OnKeyConflict = options.OnKeyConflict });
    }

    // A transaction keeps the effect of one ASKING until EXEC.
    private async Task<IReadOnlyList<RespValue>> SendAsync(SlotSide side, params RespCommand[] commands)
    {
        RespCommand[] sent = side.Asks ? [RespCommand.Of("ASKING"), .. commands] : commands;
        var replies = await side.Connection.SendAsync(sent, null, stop.Abort).ConfigureAwait(false);
        return side.Asks ? [.. replies.Skip(1)] : replies;
    }

    private async Task<string> SaveAsync(SlotSide side, byte[] key, KeyCopy copy)
    {
        var elsewhere = move.Again with { OnKeyConflict = options.OnKeyConflict, JournalPath = "<a folder that can be written>" };
        var choice = new NextAction(NextActionCode.Advice)
        {
            Note = "delete the copy that is not needed: ASKING, then UNLINK " + Printable.Quote(key) + ", on one connection to "
                + move.Source.Name + " or " + move.Target.Name,
        };
        try
        {
            var dump = copy.Dump ?? await KeyCopy.DumpAsync(side, key, stop).ConfigureAwait(false);
            if (dump is null)
                throw CanNotSave("the server has no dump of a " + copy.Type, choice);
            var journal = JournalFolder.At(options.JournalPath);
            var engine = move.Target.View?.Facts.Engine ?? ServerEngine.Unknown;
            var saving = SavedValue.WriteAsync(journal, move.Slot, channel.Database, engine, key, dump, copy.TimeToLive);
            return await saving.ConfigureAwait(false);
        }
        catch (RedisOperationException failure) when (failure.Code == FailureCode.ReplyTooLarge)
        {
            throw CanNotSave(failure.Message, choice);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure)
            || failure is RedisOperationException { Code: FailureCode.JournalUnavailable })
        {
            throw CanNotSave(Printable.Clean(failure.Message), elsewhere);
        }

        RedisOperationException CanNotSave(string why, NextAction next) => new(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " differs on " + move.Source.Name + " and " + move.Target.Name
                + ", and the losing value can't be saved: " + why.TrimEnd('.') + ". Nothing was overwritten and the slot stays open.",
            Slot,
            next);
    }

    private void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            // The key is safe: the next attempt saves its present value. If the folder is gone, so is the file.
            if (failure is not (FileNotFoundException or DirectoryNotFoundException))
            {
                log?.Warning(
                    move.Slot,
                    "Slot " + Slot + ": the saved value '" + Printable.Clean(path) + "' is outdated and could not be deleted: "
                        + Printable.Clean(failure.Message).TrimEnd('.') + ". Do not restore it.");
            }
        }
    }

    private void Note(byte[] key, KeyCopy copy, bool isSource, string path)
    {
        var note = string.Format(
            CultureInfo.InvariantCulture,
            "Slot {0}: key {1} differed; the {2}'s value ({3}) lost and is saved. To put it back: {4}",
            Slot, Printable.Quote(key), isSource ? "source" : "target", copy, SavedValue.WayBackText(path, log));
        tally.Notes.Add(note);
        log?.Warning(move.Slot, note);
    }

    private RedisOperationException Undecided(byte[] key, KeyCopy mine, KeyCopy theirs)
    {
        var (source, target) = move.IsReverse ? ("hidden", "in use") : ("source, in use", "target, hidden");
        var note = move.HasSeveralOthers
            ? "the other values are saved to files first"
            : "or KeepOther; the value that loses is saved to a file first";
        return new RedisOperationException(
            FailureCode.KeyExistsOnTarget,
            "Slot " + Slot + ": key " + Printable.Quote(key) + " holds different values: on " + move.Source.Name + " (" + source + ") "
                + mine + "; on " + move.Target.Name + " (" + target + ") " + theirs + ". Nothing was overwritten and the slot stays open.",
            Slot,
            move.Again with { OnKeyConflict = KeyConflictAction.KeepInUse, Note = note });
    }
}
