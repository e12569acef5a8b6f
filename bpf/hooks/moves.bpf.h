/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the moves of directories, by anybody: kept passes below them have other names afterwards. After the move
 * and not before: a pass that is found in between is one that the old name, valid a moment ago, would have had.
 */
#ifndef HAUBERK_MOVES_H
#define HAUBERK_MOVES_H

SEC("fexit/vfs_rename")
int BPF_PROG(hauberk_moved, struct renamedata *renamed)
{
	struct inode *inode = renamed->old_dentry->d_inode;

	if (!inode || (inode->i_mode & S_IFMT) == S_IFDIR || renamed->flags & RENAME_EXCHANGE)
		__sync_fetch_and_add(&moves, 1);
	return 0;
}

#endif
